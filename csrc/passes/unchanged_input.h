#pragma once
// Operators that do nothing for the sizes that they get.

#include <cstddef>
#include <optional>

#include "ops/shared/shape_rule.h"

namespace pot {

/// The input that output 0 equals bit for bit and size for size, whatever the data; nothing where
/// that cannot be told. `made` is what is known of output 0.
///
/// Identity, Dropout at inference, Cast to the dtype that is there; Reshape, Flatten, Squeeze,
/// Expand, Tile, Slice, Pad, Transpose, Resize, Split and Gather that keep every element in its
/// place; Concat whose other inputs are empty; Sum, Max, Min, Mean of one; x - 0, x + -0.0, x * 1,
/// x / 1, And with true, Or with false, Where with one answer. x + 0.0 changes -0.0, so it is one
/// only where no reader can tell.
[[nodiscard]] std::optional<std::size_t> unchanged_input(const NodeFacts& at, const Fact& made);

/// Whether `unchanged_input` has a rule for the operator at all.
[[nodiscard]] bool may_be_unchanged(const Node& node);

}  // namespace pot
