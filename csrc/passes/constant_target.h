#pragma once
// Inputs that say sizes, without the sizes that are open.

#include <cstdint>
#include <optional>
#include <vector>

#include "ops/shape_rule.h"

namespace pot {

/// An input of a node that a constant can take the place of.
struct ConstantTarget {
  std::size_t slot = 0;
  std::vector<std::int64_t> numbers;
};

/// For Reshape, Expand and Slice: constants with which the node makes the same at every size.
/// Inputs that are constant already are not listed. In the shape of a Reshape 0 copies a size, so
/// an `allowzero` has to go.
[[nodiscard]] std::vector<ConstantTarget> constant_targets(const NodeFacts& at);

/// For a Resize to sizes that are whole multiples of its input's: the scales that give the same,
/// to the last bit, in every mode.
[[nodiscard]] std::optional<std::vector<float>> whole_scales(const NodeFacts& at);

}  // namespace pot
