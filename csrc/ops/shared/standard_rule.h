#pragma once
// The rule of a standard operator for a node of another domain that has its shapes.

#include <cstdint>
#include <string_view>
#include <vector>

#include "ops/shared/shape_rule.h"

namespace pot {

/// An operator of the standard that another one stands in for.
struct Standard {
  std::string_view op_type;
  std::int64_t opset = 13;
  /// Where the standard operator's inputs are, in its order; those behind them are left out.
  /// Empty: at the same places.
  std::vector<std::size_t> slots{};
};

/// What the standard operator's rule says of the node's attributes and inputs. The elements that it
/// computes are left out: a quantized operator computes others.
[[nodiscard]] Inferred by_standard(const NodeFacts& at, const Standard& standard);
/// The same with these facts in the place of the node's inputs, one for each.
[[nodiscard]] Inferred by_standard(const NodeFacts& at, const Standard& standard,
                                   std::vector<Fact> inputs);

/// The first output alone, with another type.
[[nodiscard]] Inferred first_with_dtype(Inferred inferred, DType dtype);

/// (N, spatial ..., C) as (N, C, spatial ...), and back. What has fewer than 3 axes stays.
[[nodiscard]] Fact channels_first(const Fact& fact);
[[nodiscard]] Fact channels_last(const Fact& fact);
/// `by_standard` of an operator whose input 0 and output 0 have their channels last.
[[nodiscard]] Inferred by_standard_channels_last(const NodeFacts& at, const Standard& standard);

}  // namespace pot
