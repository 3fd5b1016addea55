// Row 4: each batch makes a pool, and drops it without telling its workers.

#include <unistd.h>

#include <memory>
#include <thread>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

constexpr int kBatches = 2;
constexpr int kWorkers = 3;

using Jobs = BoundedQueue<int>;

void Work(const std::shared_ptr<Jobs>& jobs) {
  for (;;) jobs->Pop();  // guilty: range
}

class Pool {
 public:
  Pool() {
    for (int i = 0; i < kWorkers; ++i) std::thread(Work, jobs_).detach();  // creates
  }
  void Do(int job) { jobs_->Push(job); }

 private:
  std::shared_ptr<Jobs> jobs_ = std::make_shared<Jobs>(100);
};

void RunBatch() {
  Pool pool;  // guilty: batch
  for (int job = 0; job < 5; ++job) pool.Do(job);
}

}  // namespace

int main() {
  for (int i = 0; i < kBatches; ++i) RunBatch();
  pause();  // pauses
}
