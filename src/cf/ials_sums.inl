// Sums across lanes, over tile_lanes.inl, for the float builds.

#if PANNIER_HIGHWAY_LANES
/// The sum of a vector's quarters of 128 bits.
template <class Tag>
PANNIER_INLINE hn::Vec<hn::FixedTag<float, 4>> fold(Tag tag, hn::Vec<Tag> x) {
  if constexpr (hn::MaxLanes(tag) == 4) {
    return x;
  } else {
    const hn::Half<Tag> half;
    return fold(half, hn::Add(hn::LowerHalf(half, x), hn::UpperHalf(half, x)));
  }
}
#endif

/// to[0..4) = the sums over all lanes of a, b, c, d.
PANNIER_INLINE void sum_lanes(Vector a, Vector b, Vector c, Vector d, bool add, float* to) {
#if PANNIER_HIGHWAY_LANES
  const Lanes f;
  const hn::Repartition<double, Lanes> pairs;
  // Inside each 128 bits: (a0+a2, b0+b2, a1+a3, b1+b3), then (a0+a2, b0+b2, c0+c2, d0+d2) + (a1+a3, ...).
  const auto ab = hn::BitCast(pairs, hn::Add(hn::InterleaveLower(f, a, b), hn::InterleaveUpper(f, a, b)));
  const auto cd = hn::BitCast(pairs, hn::Add(hn::InterleaveLower(f, c, d), hn::InterleaveUpper(f, c, d)));
  const Vector all = hn::Add(hn::BitCast(f, hn::InterleaveLower(pairs, ab, cd)), hn::BitCast(f, hn::InterleaveUpper(pairs, ab, cd)));
  const hn::FixedTag<float, 4> four;
  const auto sums = fold(f, all);
  hn::StoreU(add ? hn::Add(sums, hn::LoadU(four, to)) : sums, four, to);
#else
  const Vector sums{a[0] + a[1] + (a[2] + a[3]), b[0] + b[1] + (b[2] + b[3]), c[0] + c[1] + (c[2] + c[3]), d[0] + d[1] + (d[2] + d[3])};
  store(to, add ? sums + load(to) : sums);
#endif
}
