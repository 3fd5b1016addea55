// Row 11: locks taken in opposite order, in a ring, twice, or held while waiting for a thread's
// end; what is to be done once, and waits for itself; threads that wait for each other's end.

#include <pthread.h>

#include <array>
#include <barrier>
#include <mutex>
#include <string>
#include <thread>

namespace {

struct Account {
  std::mutex mutex;
  int balance = 100;
};

Account g_rent, g_wages, g_taxes;

// All have their first lock before anyone takes a second one.
void Transfer(Account& from, Account& to, std::barrier<>& all_hold_one) {
  const std::lock_guard<std::mutex> first(from.mutex);
  all_hold_one.arrive_and_wait();
  const std::lock_guard<std::mutex> second(to.mutex);  // guilty: second
  from.balance -= 10;
  to.balance += 10;
}

[[gnu::noinline]] void PayRent(std::barrier<>& all_hold_one) {
  Transfer(g_wages, g_rent, all_hold_one);  // guilty: pays
  g_rent.balance += 0;
}

[[gnu::noinline]] void PayWages(std::barrier<>& all_hold_one) {
  Transfer(g_rent, g_wages, all_hold_one);  // guilty: earns
  g_wages.balance += 0;
}

[[gnu::noinline]] void PayTaxes(std::barrier<>& all_hold_one) {
  Transfer(g_rent, g_taxes, all_hold_one);  // guilty: taxes
  g_taxes.balance += 0;
}

[[gnu::noinline]] void PayBack(std::barrier<>& all_hold_one) {
  Transfer(g_taxes, g_wages, all_hold_one);  // guilty: refund
  g_wages.balance += 0;
}

void RunTwo() {
  std::barrier all_hold_one(2);
  std::thread tenant(PayRent, std::ref(all_hold_one));     // creates: tenant
  std::thread landlord(PayWages, std::ref(all_hold_one));  // creates: landlord
  tenant.join();                                           // joins: two
  landlord.join();
}

void RunThree() {
  std::barrier all_hold_one(3);
  std::thread tenant(PayRent, std::ref(all_hold_one));     // creates: payer
  std::thread landlord(PayTaxes, std::ref(all_hold_one));  // creates: owner
  std::thread office(PayBack, std::ref(all_hold_one));     // creates: office
  tenant.join();                                           // joins: three
  landlord.join();
  office.join();
}

// A callback that wants what its caller holds.
void Deposit(Account& account) {
  const std::lock_guard<std::mutex> lock(account.mutex);  // guilty: again
  account.balance += 1;
}

void DepositTwice() {
  const std::lock_guard<std::mutex> lock(g_rent.mutex);
  Deposit(g_rent);  // guilty: twice
  g_rent.balance += 1;
}

void RunSelf() {
  std::thread clerk(DepositTwice);  // creates: clerk
  clerk.join();                     // joins: self
}

void Serve() {
  Deposit(g_rent);  // guilty: serves
  g_rent.balance += 1;
}

// Who stops a worker must not hold what the worker needs to come to its end.
void RunStop() {
  const std::lock_guard<std::mutex> lock(g_rent.mutex);
  std::thread worker(Serve);  // creates: worker
  worker.join();              // guilty: stop
}

// Reading the settings logs, and logging wants the settings.
std::once_flag g_settings;

void ReadSettings();

void Log() {
  std::call_once(g_settings, ReadSettings);  // guilty: inner
  g_rent.balance += 1;
}

void ReadSettings() {
  Log();  // guilty: logs
  g_rent.balance += 1;
}

void UseSettings() {
  std::call_once(g_settings, ReadSettings);  // guilty: outer
  g_rent.balance += 1;
}

void RunOnce() {
  std::thread user(UseSettings);  // creates: user
  user.join();                    // joins: once
}

// Who makes the rates wants the lock that another one holds, who wants the rates.
struct Rates {
  explicit Rates(std::barrier<>& both_begin) {
    both_begin.arrive_and_wait();
    Deposit(g_taxes);  // guilty: making
  }
  int percent = 5;
};

int Percent(std::barrier<>& both_begin) {
  static const Rates rates(both_begin);  // guilty: rates
  return rates.percent;
}

void MakeRates(std::barrier<>& both_begin) {
  g_rent.balance += Percent(both_begin);  // guilty: makes
}

void AddInterest(std::barrier<>& both_begin) {
  const std::lock_guard<std::mutex> lock(g_taxes.mutex);
  both_begin.arrive_and_wait();
  g_taxes.balance += Percent(both_begin);  // guilty: interest
}

void RunStatic() {
  std::barrier both_begin(2);
  std::thread maker(MakeRates, std::ref(both_begin));   // creates: maker
  std::thread user(AddInterest, std::ref(both_begin));  // creates: adder
  maker.join();                                         // joins: static
  user.join();
}

// Each waits for the next one's end. (Of two libc knows.)
std::array<pthread_t, 3> g_ring;

void AwaitNext(std::size_t self, std::barrier<>& all_are_there) {
  all_are_there.arrive_and_wait();
  pthread_join(g_ring[(self + 1) % g_ring.size()], nullptr);  // guilty: next
  g_rent.balance += 1;
}

void RunJoins() {
  std::barrier all_are_there(4);
  std::array<std::thread, 3> threads;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread(AwaitNext, i, std::ref(all_are_there));  // creates: ring
    g_ring[i] = threads[i].native_handle();
  }
  all_are_there.arrive_and_wait();
  std::mutex nobodys;
  nobodys.lock();
  nobodys.lock();  // guilty: main
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  if (kind == "two") RunTwo();
  if (kind == "three") RunThree();
  if (kind == "self") RunSelf();
  if (kind == "stop") RunStop();
  if (kind == "once") RunOnce();
  if (kind == "static") RunStatic();
  if (kind == "joins") RunJoins();
}
