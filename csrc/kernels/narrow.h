#pragma once
// Floats as halves.

#include <cstdint>

#include "base/bytes.h"

namespace pot::kernels {

/// What half cannot hold as it is, of the numbers that were rounded to it.
struct NarrowStats {
  std::uint64_t overflowed = 0;  ///< finite, and beyond what rounds to a finite half
  std::uint64_t subnormal = 0;   ///< became a subnormal half, which has fewer digits
  std::uint64_t vanished = 0;    ///< not zero, and became zero
};

/// Rounds to the nearest half, ties to even. A NaN stays one, without its payload. Finite numbers
/// beyond the range become infinite, or the largest half when they are to stay finite.
/// Pre: `floats` and `halves` hold as many elements; they need no alignment.
[[nodiscard]] NarrowStats narrow_to_half(ByteView floats, std::span<std::byte> halves,
                                         bool stay_finite) noexcept;

}  // namespace pot::kernels
