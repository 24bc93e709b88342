#pragma once
// Values known by their numbers: which of one model can be which of another.

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/fingerprint.h"

namespace pot {

/// One value in one sample.
struct ValuePrint {
  kernels::Fingerprint numbers;
  std::vector<std::int64_t> dims;
  /// How far rounding may move a statistic, relative to the values' scale.
  double tolerance = 0;
};

/// One value, a print for each sample.
using ValuePrints = std::vector<ValuePrint>;
using PrintsByName = std::unordered_map<std::string, ValuePrints>;

inline constexpr double kNotAlike = std::numeric_limits<double>::infinity();

/// How far apart two values are, whatever their shapes and order: the largest difference of a
/// statistic over all samples, relative to the values' scale. kNotAlike when the counts differ, no
/// sample is common, or it is more than the larger tolerance.
[[nodiscard]] double distance(const ValuePrints& ours, const ValuePrints& theirs);

/// Equal dims, and the elements in the same order, in every sample. Pre: distance() is finite.
[[nodiscard]] bool same_form(const ValuePrints& ours, const ValuePrints& theirs);

/// For each of `theirs`, the indices of those of `ours` that it can be, and the reverse. What is
/// clearly farther away than the nearest is left out. A null pointer has no partner.
struct NearValues {
  std::vector<std::vector<std::uint32_t>> of_theirs;
  std::vector<std::vector<std::uint32_t>> of_ours;
};
[[nodiscard]] NearValues near_values(std::span<const ValuePrints* const> ours,
                                     std::span<const ValuePrints* const> theirs);

}  // namespace pot
