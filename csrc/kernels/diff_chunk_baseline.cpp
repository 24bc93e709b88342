// The kernel for whatever the compiler was told to build for: aarch64, or an old x86.

#include "kernels/diff_chunk.h"
#include "kernels/standard_headers.h"

#define POT_TARGET baseline
#define POT_VECTOR_BYTES 16

// clang-format off: each builds on the one before.
#include "kernels/sources.inl"
#include "kernels/diff_values.inl"
#include "kernels/diff_histogram.inl"
#include "kernels/diff_block.inl"
#include "kernels/diff_complex.inl"
#include "kernels/diff_chunk.inl"
// clang-format on
