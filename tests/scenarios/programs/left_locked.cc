// Row 9: a mutex is left locked by an early return, an exception, or a thread that has ended.

#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kCustomers = 3;

class Account {
 public:
  bool Withdraw(int amount) {
    mutex_.lock();
    if (amount > balance_) return false;  // still locked
    balance_ -= amount;
    mutex_.unlock();
    return true;
  }

  void SetLimit(int limit) {
    mutex_.lock();
    if (limit < 0) throw std::invalid_argument("limit");  // still locked
    limit_ = limit;
    mutex_.unlock();
  }

  void Deposit(int amount) {
    const std::lock_guard<std::mutex> lock(mutex_);  // guilty: waits
    balance_ += amount;
  }

 private:
  std::mutex mutex_;
  int balance_ = 0;
  int limit_ = 0;
};

Account g_account;

void Serve() {
  g_account.Deposit(10);  // guilty: serve
}

void SetBadLimit() {
  try {
    g_account.SetLimit(-1);
  } catch (const std::invalid_argument&) {
    // As if it had been logged.
  }
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  if (kind == "early_return") g_account.Withdraw(100);
  if (kind == "exception") SetBadLimit();
  if (kind == "owner_ended") std::thread([] { g_account.Withdraw(100); }).join();
  std::vector<std::thread> customers;
  for (int i = 0; i < kCustomers; ++i) customers.emplace_back(Serve);  // creates
  for (std::thread& customer : customers) customer.join();             // joins
}
