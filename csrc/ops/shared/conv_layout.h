#pragma once
// Convolutions and pools in other layouts: channels stay behind the batch, spatial axes may change
// places.

#include <cstddef>
#include <optional>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// Where a convolution has its operands.
struct ConvRoles {
  std::size_t x = 0;
  std::size_t w = 1;
  std::optional<std::size_t> bias = 2;
  std::vector<std::size_t>
      per_channel{};                 ///< slots with one element, or one for each output channel
  std::optional<std::size_t> sum{};  ///< slot of what is added to the result, in its shape
  bool transposed = false;           ///< the weight is (in, out / group, kernel...)
  bool is_product = false;  ///< a kernel of one position may be written as a matrix product
};

/// An inner order of the channels is met by the weight, as far as it keeps groups together.
[[nodiscard]] Result<Relayout> conv_layout(const LayoutNode& node, Operand operand,
                                           const Layout& layout, const ConvRoles& roles);

/// The attributes that hold one number for each spatial axis, or two, in the order in which `order`
/// stores those axes. Pre: the first two axes are not among the spatial places. Refusal: a list of
/// another length.
[[nodiscard]] Status put_windows(DrawnNode& drawn, const LayoutNode& node,
                                 const Permutation& order);

}  // namespace pot
