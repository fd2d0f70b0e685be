#include "pannier/core/execution.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#ifdef __linux__
#include <sched.h>
#endif

#include "core/cpu_quota.hpp"
#include "pannier/core/error.hpp"

namespace pannier {
namespace {

int affinity_threads() noexcept {
#ifdef __linux__
  for (int processors = CPU_SETSIZE; processors <= 1 << 20; processors *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(processors));
    if (set == nullptr) break;
    const auto size = CPU_ALLOC_SIZE(static_cast<std::size_t>(processors));
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(1, count);
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Calls work(0) ... work(workers-1), at best all at once, and rethrows the first exception.
#if defined(__SANITIZE_THREAD__)
// oneTBB is not instrumented, so the thread sanitizer sees none of its ordering: there, plain threads take its place.
void run_workers(int workers, const std::function<void(int)>& work) {
  std::mutex guard;
  std::exception_ptr first;
  {
    std::vector<std::jthread> threads;
    for (int worker = 0; worker < workers; ++worker)
      threads.emplace_back([&, worker] {
        try {
          work(worker);
        } catch (...) {
          const std::lock_guard lock(guard);
          if (!first) first = std::current_exception();
        }
      });
  }
  if (first) std::rethrow_exception(first);
}
#else
void run_workers(int workers, const std::function<void(int)>& work) {
  oneapi::tbb::task_arena arena(workers);
  arena.execute([&] { oneapi::tbb::parallel_for(0, workers, work, oneapi::tbb::simple_partitioner{}); });
}
#endif

}  // namespace

int available_threads() noexcept {
  int threads = affinity_threads();
  try {
    if (const auto quota = cpu_quota("/"); quota > 0) threads = std::min(threads, std::max(1, static_cast<int>(std::ceil(quota))));
  } catch (...) {
    return threads;  // Unreadable limits are no limits.
  }
  return threads;
}

int resolved_threads(const Execution& execution) {
  if (execution.threads < 0 || execution.threads > 1024)
    throw Error(ErrorCode::invalid_argument, "threads", std::to_string(execution.threads) + " is out of range", "0 (all) to 1024");
  return execution.threads == 0 ? available_threads() : execution.threads;
}

void parallel_blocks(const Execution& execution, std::size_t count, std::size_t block_size,
                     const std::function<void(std::size_t, std::size_t, std::size_t)>& body) {
  parallel_blocks_with_worker(execution, count, block_size,
                              [&](std::size_t begin, std::size_t end, std::size_t block, int) { body(begin, end, block); });
}

void parallel_blocks_with_worker(const Execution& execution, std::size_t count, std::size_t block_size,
                                 const std::function<void(std::size_t, std::size_t, std::size_t, int)>& body) {
  if (block_size == 0) throw Error(ErrorCode::invalid_argument, "block_size", "is 0", "at least 1");
  const int threads = resolved_threads(execution);
  const std::size_t blocks = count / block_size + (count % block_size != 0);
  const auto run = [&](std::size_t block, int worker) {
    const auto begin = block * block_size;
    body(begin, begin + std::min(block_size, count - begin), block, worker);
  };
  int workers = static_cast<int>(std::min(blocks, static_cast<std::size_t>(threads)));
  // More than oneTBB has (or the host allows it) only makes it print a warning.
  if (workers > 1) workers = std::min(workers, static_cast<int>(oneapi::tbb::global_control::active_value(oneapi::tbb::global_control::max_allowed_parallelism)));
  if (workers <= 1) {
    for (std::size_t block = 0; block < blocks; ++block) run(block, 0);
    return;
  }

  // Each worker is one task that draws blocks until none is left; a worker no thread was found for draws nothing.
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  run_workers(workers, [&](int worker) {
    try {
      for (std::size_t block = next++; block < blocks && !failed; block = next++) run(block, worker);
    } catch (...) {
      failed = true;
      throw;
    }
  });
}

}  // namespace pannier
