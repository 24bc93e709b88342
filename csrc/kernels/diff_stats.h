#pragma once
// Everything that a metric needs of two tensors, in one pass over their bytes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/bytes.h"
#include "kernels/element.h"

namespace pot::kernels {

/// "No such element": the index of a maximum when nothing differs.
inline constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();

/// Lower edges of the decades of |d|: 1e-16, 1e-15 ... 1e8.
inline constexpr std::array<double, 25> kDecades{
    1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4,
    1e-3,  1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,  1e5,  1e6,  1e7,  1e8};

/// d = ref - got at the places where both are finite; only those are "compared" and enter the
/// sums. Equal are: equal numbers (-0 and +0 too), NaN and NaN, infinities of one sign.
///
/// |d| is rounded once, to float for elements of up to 32 bits that float holds exactly, to
/// double for the others and for values of 2^127 and more. Differences of 64-bit integers are
/// exact before that rounding. Sums add in double: every term is exact or rounded once,
/// and the summation order depends on the count and the instruction set only, never on the
/// number of threads. For complex elements |d|, minimum and maximum are moduli.
struct DiffStats {
  std::uint64_t count = 0;
  std::uint64_t compared = 0;
  std::uint64_t unequal = 0;
  /// Places where ref is zero and got is not; they have no relative error.
  std::uint64_t zero_ref_unequal = 0;

  double max_abs = 0;
  std::uint64_t max_abs_index = kNowhere;
  /// The largest |d| / |ref| over places where ref is not zero.
  double max_rel = 0;
  std::uint64_t max_rel_index = kNowhere;

  double sum_abs = 0;
  double sum_sq = 0;
  double ref_sq = 0;
  double got_sq = 0;
  double dot = 0;

  /// The largest distance in steps of the element's own type; for integers the exact max |d|.
  std::uint64_t max_ulp = 0;

  std::uint64_t nan_ref = 0;
  std::uint64_t nan_got = 0;
  std::uint64_t nan_both = 0;
  std::uint64_t nan_mismatch = 0;
  std::uint64_t pos_inf_ref = 0;
  std::uint64_t neg_inf_ref = 0;
  std::uint64_t pos_inf_got = 0;
  std::uint64_t neg_inf_got = 0;
  /// No NaN, at least one infinity, and not the same infinity on both sides.
  std::uint64_t inf_mismatch = 0;
  std::uint64_t first_nonfinite_mismatch = kNowhere;

  /// Over the finite values of each side; +inf and -inf when there is none.
  double ref_min = std::numeric_limits<double>::infinity();
  double ref_max = -std::numeric_limits<double>::infinity();
  double got_min = std::numeric_limits<double>::infinity();
  double got_max = -std::numeric_limits<double>::infinity();

  /// Compared places by |d|: zero, below kDecades[0], then one bin that starts at each edge.
  std::array<std::uint64_t, kDecades.size() + 2> histogram{};
};

/// Pre: both hold `count` elements. Uses up to `threads` threads where that pays.
[[nodiscard]] DiffStats diff_stats(Element element, Packing packing, ByteView ref, ByteView got,
                                   std::uint64_t count, unsigned threads = 2) noexcept;

}  // namespace pot::kernels
