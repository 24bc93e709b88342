#pragma once
// The slow, obvious twin of kernels::diff_stats for floats and doubles: one element after the
// other, sums in long double.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/diff_stats.h"

namespace pot::reference {

struct SlowStats {
  kernels::DiffStats stats;  // all but the sums
  long double sum_abs = 0, sum_sq = 0, ref_sq = 0, got_sq = 0, dot = 0;
};

inline std::uint64_t steps_from_zero(float value) {
  return std::bit_cast<std::uint32_t>(std::fabs(value));
}

inline std::uint64_t steps_from_zero(double value) {
  return std::bit_cast<std::uint64_t>(std::fabs(value));
}

template <class Float>
std::uint64_t steps_between(Float a, Float b) {
  const std::uint64_t from = steps_from_zero(a), to = steps_from_zero(b);
  if (std::signbit(a) != std::signbit(b)) return from + to;
  return from > to ? from - to : to - from;
}

template <class Float>
void add_special(Float ref, Float got, std::uint64_t index, kernels::DiffStats& s) {
  s.nan_both += std::isnan(ref) && std::isnan(got);
  s.nan_mismatch += std::isnan(ref) != std::isnan(got);
  if ((std::isnan(ref) && std::isnan(got)) || ref == got) return;
  ++s.unequal;
  s.inf_mismatch += !std::isnan(ref) && !std::isnan(got);
  s.first_nonfinite_mismatch = std::min(s.first_nonfinite_mismatch, index);
}

template <class Float>
void add_side(Float value, std::uint64_t& nan, std::uint64_t& pos_inf, std::uint64_t& neg_inf,
              double& low, double& high) {
  nan += std::isnan(value);
  pos_inf += std::isinf(value) && value > 0;
  neg_inf += std::isinf(value) && value < 0;
  if (!std::isfinite(value)) return;
  low = std::min(low, static_cast<double>(value));
  high = std::max(high, static_cast<double>(value));
}

template <class Float>
void add_finite(Float ref, Float got, std::uint64_t index, SlowStats& out) {
  kernels::DiffStats& s = out.stats;
  const long double r = ref, g = got, d = std::fabs(r - g);
  ++s.compared;
  s.unequal += ref != got;
  s.zero_ref_unequal += ref == 0 && got != 0;
  if (static_cast<double>(d) > s.max_abs) {
    s.max_abs = static_cast<double>(d);
    s.max_abs_index = index;
  }
  if (r != 0 && static_cast<double>(d / std::fabs(r)) > s.max_rel) {
    s.max_rel = static_cast<double>(d / std::fabs(r));
    s.max_rel_index = index;
  }
  s.max_ulp = std::max(s.max_ulp, steps_between(ref, got));
  out.sum_abs += d;
  out.sum_sq += d * d;
  out.ref_sq += r * r;
  out.got_sq += g * g;
  out.dot += r * g;
  std::size_t bin = ref == got ? 0 : 1;
  for (const double edge : kernels::kDecades) bin += d >= static_cast<long double>(edge);
  ++s.histogram[bin];
}

template <class Float>
SlowStats slow_stats(std::span<const Float> ref, std::span<const Float> got) {
  SlowStats out;
  kernels::DiffStats& s = out.stats;
  s.count = ref.size();
  for (std::size_t i = 0; i < ref.size(); ++i) {
    add_side(ref[i], s.nan_ref, s.pos_inf_ref, s.neg_inf_ref, s.ref_min, s.ref_max);
    add_side(got[i], s.nan_got, s.pos_inf_got, s.neg_inf_got, s.got_min, s.got_max);
    if (std::isfinite(ref[i]) && std::isfinite(got[i])) {
      add_finite(ref[i], got[i], i, out);
    } else {
      add_special(ref[i], got[i], i, s);
    }
  }
  return out;
}

}  // namespace pot::reference
