// The scan of scan_kernels.hpp over sums_at_least(block, query, groups, least): which of a block's 64 items have a sum of products of at least `least`.
// Included once a level.

constexpr double least_sum = -2147483647.0, largest_sum = 2147483647.0;

PANNIER_SCAN_ATTR inline Found scan(const Codes& codes, const CodedQuery& query, std::size_t begin, std::size_t end, double threshold, const std::uint64_t* allowed) {
  const std::size_t block_bytes = codes.groups * group_bytes;
  std::size_t read = 0;
  for (std::size_t b = begin; b < end; ++b) {
    const BlockBound& bound = codes.bounds[b];
    if (query.stop_norm * bound.norm + query.rest < threshold) return {b, 0, true, read};
    if (allowed != nullptr && allowed[b] == 0) continue;
    // The last 1 covers every rounding of this line: it is below 2^31 and off by less than 2^-48 of itself. NaN (a threshold of minus infinity) admits all.
    const double needed = (threshold - query.per_residual * bound.residual - query.per_norm * bound.norm - query.rest) * bound.inverse_scale * query.inverse_scale - 1;
    if (needed >= largest_sum) continue;
    auto items = ~std::uint64_t{0};
    if (needed > least_sum) {
      ++read;
      items = sums_at_least(codes.bytes + b * block_bytes, query, codes.groups, static_cast<std::int32_t>(needed));
    }
    if (allowed != nullptr) items &= allowed[b];
    if (items != 0) return {b, items, false, read};
  }
  return {end, 0, false, read};
}
