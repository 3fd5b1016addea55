// A list in which each item stands once.
//
//   UniqueList<ProfileFunction, SourceOf> functions;
//   functions.Add(grow) == functions.Add(grow)
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace limpet {

// `Content()(item)` is what makes two items the same, as something that has an order.
template <typename Item, typename Content>
class UniqueList {
 public:
  UniqueList() = default;
  UniqueList(const UniqueList&) = delete;  // the order refers to the items
  UniqueList& operator=(const UniqueList&) = delete;

  // Index of the item that has this content: the one that was added first.
  std::uint32_t Add(Item item) {
    items_.push_back(std::move(item));
    const auto last = static_cast<std::uint32_t>(items_.size() - 1);
    const auto [place, is_new] = order_.insert(last);
    if (!is_new) items_.pop_back();
    return *place;
  }

  const Item& operator[](std::uint32_t index) const { return items_[index]; }

  // All of them; the list is empty then.
  std::vector<Item> Take() {
    order_.clear();
    return std::exchange(items_, {});
  }

 private:
  struct Before {
    bool operator()(std::uint32_t one, std::uint32_t other) const {
      return Content()((*items)[one]) < Content()((*items)[other]);
    }
    const std::vector<Item>* items;
  };

  std::vector<Item> items_;
  std::set<std::uint32_t, Before> order_{Before{&items_}};
};

}  // namespace limpet
