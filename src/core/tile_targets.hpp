/// The SIMD targets that the kernels over tile_kernel.inl are built for, beside the compiler's baseline. Included before Highway.
#pragma once

// Vectors whose length is unknown at compile time do not fit register tiles, and their machines have shorter ones too; the
// narrow x86 targets add nothing to the compiler's own vectors of 16 bytes, which serve wherever Highway's would be emulated.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
