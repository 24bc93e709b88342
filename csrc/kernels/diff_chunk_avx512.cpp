// The kernel for AVX512. Standard headers come before the pragma: none of their inline functions
// may be compiled for an instruction set that the machine need not have.

#include "kernels/diff_chunk.h"
#include "kernels/standard_headers.h"

#ifdef POT_X86_TARGETS

#define POT_TARGET avx512
#define POT_VECTOR_BYTES 64

#ifdef __clang__
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

// clang-format off: each builds on the one before.
#include "kernels/sources.inl"
#include "kernels/diff_values.inl"
#include "kernels/diff_histogram.inl"
#include "kernels/diff_block.inl"
#include "kernels/diff_floats.inl"
#include "kernels/diff_complex.inl"
#include "kernels/diff_chunk.inl"
// clang-format on

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
