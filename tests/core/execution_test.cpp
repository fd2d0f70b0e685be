#include "pannier/core/execution.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/cpu_quota.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

struct Block {
  std::size_t begin, end, block;
  auto operator<=>(const Block&) const = default;
};

std::set<Block> blocks_of(int threads, std::size_t count, std::size_t block_size) {
  std::set<Block> seen;
  std::mutex lock;
  parallel_blocks({.threads = threads}, count, block_size, [&](std::size_t begin, std::size_t end, std::size_t block) {
    const std::lock_guard guard(lock);
    REQUIRE(seen.insert({begin, end, block}).second);
  });
  return seen;
}

int tasks_of_this_process() {
  int tasks = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) tasks += !entry.path().empty();
  return tasks;
}

/// A root folder with control groups in it.
class Groups {
 public:
  Groups() : root_(std::filesystem::temp_directory_path() / ("pannier_groups_" + std::to_string(std::hash<std::thread::id>{}(std::this_thread::get_id())))) {
    std::filesystem::remove_all(root_);
  }
  ~Groups() { std::filesystem::remove_all(root_); }
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;
  Groups& put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
    return *this;
  }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace

TEST_CASE("execution: one thread starts no other thread", "[core][execution]") {
  // First in this file, and its case is listed first by Catch: no other case of this unit has used threads yet.
  const int before = tasks_of_this_process();
  parallel_blocks({.threads = 1}, 1000, 10, [](std::size_t, std::size_t, std::size_t) {});
  parallel_blocks({.threads = 8}, 10, 10, [](std::size_t, std::size_t, std::size_t) {});  // one block
  REQUIRE(tasks_of_this_process() == before);
}

TEST_CASE("execution: one thread runs the blocks in order, on the caller's thread", "[core][execution]") {
  std::vector<std::size_t> order;
  parallel_blocks_with_worker({.threads = 1}, 25, 10, [&](std::size_t begin, std::size_t end, std::size_t block, int worker) {
    REQUIRE(worker == 0);
    REQUIRE(begin == block * 10);
    REQUIRE(end == std::min<std::size_t>(25, begin + 10));
    order.push_back(block);
  });
  REQUIRE(order == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("execution: the blocks do not depend on the number of threads", "[core][execution]") {
  for (const std::size_t count : {0u, 1u, 9u, 10u, 11u, 1003u}) {
    const auto one = blocks_of(1, count, 10);
    REQUIRE(one.size() == (count + 9) / 10);
    for (const int threads : {0, 2, 3, 7}) REQUIRE(blocks_of(threads, count, 10) == one);
  }
  REQUIRE(blocks_of(3, 5, static_cast<std::size_t>(-1)) == std::set<Block>{{0, 5, 0}});
}

TEST_CASE("execution: no two blocks of one worker overlap, and workers are numbered below the threads", "[core][execution]") {
  std::vector<std::atomic<int>> busy(4);
  std::atomic<bool> overlapped{false};
  parallel_blocks_with_worker({.threads = 4}, 2000, 1, [&](std::size_t, std::size_t, std::size_t, int worker) {
    if (worker < 0 || worker >= 4 || busy[static_cast<std::size_t>(worker)]++ != 0) overlapped = true;
    std::this_thread::yield();
    --busy[static_cast<std::size_t>(worker)];
  });
  REQUIRE_FALSE(overlapped);
}

TEST_CASE("execution: loops nest, and an inner loop has workers of its own", "[core][execution]") {
  std::atomic<int> runs{0};
  parallel_blocks({.threads = 3}, 20, 1, [&](std::size_t, std::size_t, std::size_t) {
    std::vector<int> by_worker(2, 0);
    parallel_blocks_with_worker({.threads = 2}, 50, 1, [&](std::size_t, std::size_t, std::size_t, int worker) { ++by_worker[static_cast<std::size_t>(worker)]; });
    runs += by_worker[0] + by_worker[1];
  });
  REQUIRE(runs == 1000);
}

TEST_CASE("execution: an exception of a body ends the loop and reaches the caller", "[core][execution]") {
  for (const int threads : {1, 4}) {
    std::atomic<int> runs{0};
    REQUIRE_THROWS_WITH(parallel_blocks({.threads = threads}, 1'000'000, 1,
                                        [&](std::size_t, std::size_t, std::size_t block) {
                                          ++runs;
                                          if (block == 5) throw std::runtime_error("block 5");
                                        }),
                        "block 5");
    REQUIRE(runs < 1'000'000);
  }
}

TEST_CASE("execution: settings out of range are refused by name", "[core][execution]") {
  const auto nothing = [](std::size_t, std::size_t, std::size_t) {};
  REQUIRE_THROWS_WITH(parallel_blocks({.threads = -1}, 1, 1, nothing), StartsWith("threads: -1 is out of range"));
  REQUIRE_THROWS_WITH(parallel_blocks({.threads = 1025}, 1, 1, nothing), StartsWith("threads: 1025"));
  REQUIRE_THROWS_WITH(parallel_blocks({}, 1, 0, nothing), StartsWith("block_size: is 0"));
  REQUIRE(resolved_threads({.threads = 1024}) == 1024);
  REQUIRE(resolved_threads({}) == available_threads());
  REQUIRE(available_threads() >= 1);
}

TEST_CASE("execution: the quota of a control group counts, the least on the way up", "[core][execution]") {
  Groups groups;
  REQUIRE(cpu_quota(groups.root()) == 0);
  groups.put("proc/self/cgroup", "0::/a/b");
  REQUIRE(cpu_quota(groups.root()) == 0);
  groups.put("sys/fs/cgroup/a/b/cpu.max", "max 100000");
  REQUIRE(cpu_quota(groups.root()) == 0);
  groups.put("sys/fs/cgroup/a/cpu.max", "150000 100000");
  REQUIRE(cpu_quota(groups.root()) == 1.5);
  groups.put("sys/fs/cgroup/cpu.max", "50000 100000");
  REQUIRE(cpu_quota(groups.root()) == 0.5);
  groups.put("sys/fs/cgroup/cpu.max", "garbage");
  REQUIRE(cpu_quota(groups.root()) == 1.5);
}

TEST_CASE("execution: the quota of version 1 groups counts too", "[core][execution]") {
  Groups groups;
  groups.put("proc/self/cgroup", "3:memory:/x\n4:cpu,cpuacct:/shop")
      .put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
      .put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  REQUIRE(cpu_quota(groups.root()) == 0);
  groups.put("sys/fs/cgroup/cpu/shop/cpu.cfs_quota_us", "300000").put("sys/fs/cgroup/cpu/shop/cpu.cfs_period_us", "100000");
  REQUIRE(cpu_quota(groups.root()) == 3);
}
