#pragma once
// What a tensor is known by, whatever its shape and order of elements: to find it in another model.

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "kernels/element.h"

namespace pot::kernels {

/// Statistics that rounding changes little. All but `ordered` are those of the elements as a
/// multiset: equal for every permutation and reshape.
///
/// Elements that are not finite, or beyond 1e30 in magnitude (as in attention masks), are counted
/// by sign and enter nothing else. squash(x) = x / (1 + |x|) keeps outliers from drowning the rest.
struct Fingerprint {
  std::uint64_t count = 0;
  std::uint64_t nan = 0;
  std::uint64_t huge_positive = 0;
  std::uint64_t huge_negative = 0;
  double min = 0;  ///< 0 when there are no elements
  double max = 0;
  double mean = 0;
  double rms = 0;
  double squashed = 0;      ///< mean of squash(x)
  double squashed_abs = 0;  ///< mean of |squash(x)|
  double squashed_sq = 0;   ///< mean of squash(x)^2
  /// Sums of squash(x) times a fixed pseudo-random number of its flat index, over sqrt(count), for
  /// two rows of such numbers: told apart are tensors of equal elements in another order.
  std::array<double, 2> ordered{};
};

/// Whether there are numbers to be had of the element: not of complex ones.
[[nodiscard]] bool has_fingerprint(Element element) noexcept;

/// Pre: has_fingerprint(element); `bytes` hold `count` whole (unpacked) elements.
[[nodiscard]] Fingerprint fingerprint(Element element, ByteView bytes,
                                      std::uint64_t count) noexcept;

/// The pseudo-random number of an index in one of the two rows: a product of two that are uniform
/// in [-1, 1), the same on every machine.
[[nodiscard]] double index_weight(std::uint64_t index, std::size_t row) noexcept;

}  // namespace pot::kernels
