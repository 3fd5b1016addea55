// One compilation unit of the large program that `limpet dump` is measured on;
// scripts/bench_program.py makes a hundred and more of it, each in a namespace of its own.
//
// What a large C++ program consists of: containers of types that each unit has for itself, so that
// nothing is shared but the standard library's headers, with deep inlining, and allocations from
// many places.
#include <algorithm>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#ifndef LARGE_UNIT
#define LARGE_UNIT unit_00000
#define LARGE_STORES 4
#endif

namespace LARGE_UNIT {

template <int kNumber>
struct Item {
  std::string name;
  std::vector<std::pair<int, std::string>> parts;
  std::variant<int, double, std::string> value;

  bool operator<(const Item& other) const { return name < other.name; }
};

template <int kNumber>
class Store {
 public:
  void Add(int key) {
    Item<kNumber> item{"the item of number " + std::to_string(key), {}, key * 0.5};
    item.parts.emplace_back(key, "a part that is too long to be kept inside");
    by_name_[item.name] = item;
    by_key_.emplace(key, std::make_shared<Item<kNumber>>(item));
    ordered_.insert(item);
    recent_.push_back(std::make_unique<Item<kNumber>>(item));
    all_.push_back(item);
    watchers_.push_back(
        [this, item](int added) { count_ += added + static_cast<int>(item.parts.size()); });
    queue_.emplace_back(std::move(item));
  }

  int Sort() {
    std::stable_sort(all_.begin(), all_.end());
    std::vector<Item<kNumber>> copy(all_.rbegin(), all_.rend());
    std::sort(copy.begin(), copy.end(), [](const auto& a, const auto& b) { return b < a; });
    queue_.sort();
    for (const auto& watcher : watchers_) watcher(kNumber);
    std::ostringstream text;
    for (const auto& item : copy) text << item.name << item.parts.size();
    return static_cast<int>(text.str().size()) + count_;
  }

 private:
  std::map<std::string, Item<kNumber>> by_name_;
  std::unordered_map<int, std::shared_ptr<Item<kNumber>>> by_key_;
  std::set<Item<kNumber>> ordered_;
  std::deque<std::unique_ptr<Item<kNumber>>> recent_;
  std::vector<Item<kNumber>> all_;
  std::vector<std::function<void(int)>> watchers_;
  std::list<Item<kNumber>> queue_;
  int count_ = 0;
};

// What it holds stays: the program ends without giving it back.
template <int kNumber>
int Fill() {
  auto* store = new Store<kNumber>;
  for (int key = 0; key < 3; ++key) store->Add(key);
  const int size = store->Sort();
  if constexpr (kNumber > 1) return size + Fill<kNumber - 1>();
  return size;
}

int Run() { return Fill<LARGE_STORES>(); }

}  // namespace LARGE_UNIT
