#pragma once
// Inputs that say sizes, without the sizes that are open.

#include <cstdint>
#include <optional>
#include <vector>

#include "ops/shared/shape_rule.h"

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

/// A Reshape that only adds or drops axes of size 1.
struct OneAxes {
  bool added = true;  ///< Unsqueeze; else Squeeze
  std::vector<std::int64_t> axes;
};
/// For a Reshape to a computed shape: how it says the same without it.
[[nodiscard]] std::optional<OneAxes> one_axes(const NodeFacts& at, const Fact& made);

/// For a Resize to sizes that are whole multiples of its input's: the scales that give the same,
/// to the last bit, in every mode.
[[nodiscard]] std::optional<std::vector<float>> whole_scales(const NodeFacts& at);

}  // namespace pot
