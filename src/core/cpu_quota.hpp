/// The processor time that control groups allow this process.
#pragma once

#include <filesystem>

namespace pannier {

/// Processors' worth of time (1.5: one and a half), the least along the groups this process is in, of version 2 or 1;
/// 0 when unlimited or unknown. `root` is where proc/ and sys/ lie: "/", or a test's folder.
[[nodiscard]] double cpu_quota(const std::filesystem::path& root);

}  // namespace pannier
