// What ends a file of kernels over tile_lanes.inl, once the namespace of the level is closed: PANNIER_ONCE guards what is compiled once, where PANNIER_EXPORT(f) makes f's table of
// levels and PANNIER_DISPATCH(f) is f at the machine's level. Without Highway there is one level, `portable`.

#undef PANNIER_ONCE
#undef PANNIER_EXPORT
#undef PANNIER_DISPATCH
#if PANNIER_WITH_HIGHWAY
HWY_AFTER_NAMESPACE();
#define PANNIER_ONCE HWY_ONCE
#define PANNIER_EXPORT(function) HWY_EXPORT(function)
#define PANNIER_DISPATCH(function) HWY_DYNAMIC_DISPATCH(function)
#else
#define PANNIER_ONCE 1
#define PANNIER_EXPORT(function) static_assert(true)
#define PANNIER_DISPATCH(function) portable::function
#endif
