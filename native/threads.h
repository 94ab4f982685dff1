// Many tasks on the threads of XLA's pool: what the native kernels of all papers share.

#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "xla/ffi/api/ffi.h"

// Runs task(0), .., task(count - 1) on the calling thread and on those of the pool that are free. The calling thread
// waits for no task that has not begun, so a busy pool costs speed but cannot lock up.
template <typename Task>
void ForEach(xla::ffi::ThreadPool& pool, int64_t count, const Task& task) {
  struct Shared {
    std::atomic<int64_t> next{0};
    int64_t done = 0;
    std::mutex mutex;
    std::condition_variable all_done;
  };
  auto shared = std::make_shared<Shared>();
  auto work = [shared, count, &task] {  // a thread that comes too late finds nothing and does not touch `task`
    int64_t mine = 0;
    for (int64_t i; (i = shared->next.fetch_add(1)) < count; ++mine) task(i);
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->done += mine;
    if (mine && shared->done == count) shared->all_done.notify_one();
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) pool.Schedule(std::function<void()>(work));
  work();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done == count; });
}
