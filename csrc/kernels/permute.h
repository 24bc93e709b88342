#pragma once
// Elements in another order, or some of them, or some of them often.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace pot::kernels {

/// How the elements of a result are found in what it is made from: the element at index (i, j, ...)
/// lies `offset` + i * strides[0] + j * strides[1] + ... bytes into the source.
struct StridedView {
  std::span<const std::int64_t> dims;     ///< of the result
  std::span<const std::int64_t> strides;  ///< in bytes; 0 repeats, negative ones run backwards
  std::int64_t offset = 0;
  std::size_t element = 1;  ///< bytes of one
};

inline constexpr std::size_t kMostAxes = 32;

/// Writes the result row by row, without gaps.
/// Pre: as many strides as dims, at most kMostAxes; every element lies inside `from`; `to` has the
/// size of all elements and does not overlap `from`.
void permute(const StridedView& view, ByteView from, std::span<std::byte> to) noexcept;

}  // namespace pot::kernels
