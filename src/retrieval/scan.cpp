// Without Highway the scan is a plain loop.
#include "retrieval/scan_kernels.hpp"

#if !PANNIER_WITH_HIGHWAY
#include "retrieval/scan_portable.hpp"

namespace pannier::retrieval::kernels {
namespace portable {
#define PANNIER_SCAN_ATTR
#include "retrieval/scan.inl"
}  // namespace portable

std::string_view level() noexcept { return "portable"; }
Found next(const Codes& codes, const CodedQuery& query, std::size_t begin, std::size_t end, double threshold, const std::uint64_t* allowed) noexcept {
  return portable::scan(codes, query, begin, end, threshold, allowed);
}

}  // namespace pannier::retrieval::kernels
#endif
