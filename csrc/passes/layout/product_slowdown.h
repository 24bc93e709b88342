#pragma once
// What a product loses when another layout puts its weight on the left, and a convolution that
// becomes a product.

#include <cstdint>

#include "ops/shared/layout_rule.h"
#include "passes/layout/weighed_sizes.h"

namespace pot {

/// In bytes that could be moved meanwhile; 0 for everything else. A runtime keeps the weight packed
/// that a product has on the right, and packs the other operand anew in each run; a convolution of
/// one position is such a product with the weight on the left.
[[nodiscard]] std::int64_t product_slowdown(const LayoutNode& node, const Relayout& relayout,
                                            const WeighedSizes& sizes);

}  // namespace pot
