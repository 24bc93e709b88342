#pragma once
// What a normalization along one axis loses when another layout puts axes behind it.

#include <cstdint>

#include "ops/shared/layout_rule.h"
#include "passes/layout/weighed_sizes.h"

namespace pot {

/// In bytes that could be moved meanwhile; 0 for everything else. A runtime transposes inside of
/// Softmax, and slowly, unless its axis lies last.
[[nodiscard]] std::int64_t softmax_slowdown(const LayoutNode& node, const Relayout& relayout,
                                            const WeighedSizes& sizes);

}  // namespace pot
