#include "core/cpu_quota.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace pannier {
namespace {

namespace fs = std::filesystem;

/// Version 2: "max 100000" or "150000 100000".
double quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || period <= 0 || quota == "max") return 0;
  std::istringstream number(quota);
  double microseconds = 0;
  return number >> microseconds && microseconds > 0 ? microseconds / period : 0;
}

/// Version 1: two files, the quota -1 when unlimited.
double quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period && quota > 0 && period > 0 ? quota / period : 0;
}

}  // namespace

double cpu_quota(const fs::path& root) {
  double least = 0;
  // From the group up to the mount: a container sees its own group as the mount, or the path that the host knows.
  const auto limit = [&](const fs::path& mount, const std::string& group, double (*quota_of)(const fs::path&)) {
    for (auto path = fs::path(group).lexically_normal().relative_path();; path = path.parent_path()) {
      if (const auto quota = quota_of(mount / path); quota > 0 && (least == 0 || quota < least)) least = quota;
      if (path.empty() || path == path.parent_path()) break;
    }
  };
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" (version 2) or "4:cpu,cpuacct:/path"
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const auto group = line.substr(second + 1);
    if (group.find("..") != std::string::npos) continue;
    if (controllers == ",,") limit(root / "sys/fs/cgroup", group, quota_v2);
    if (controllers.find(",cpu,") != std::string::npos) limit(root / "sys/fs/cgroup/cpu", group, quota_v1);
  }
  return least;
}

}  // namespace pannier
