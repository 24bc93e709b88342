#pragma once
// How QuantizeLinear and DequantizeLinear look in another layout, of the standard and of
// onnxruntime's domain.

#include "ops/shared/layout_rule.h"

namespace pot {

/// LayoutRule: `axis` follows the data. One scale for all stays; scales along an axis stay a
/// vector, in the axis's inner order; scales of blocks are stored as the data is.
[[nodiscard]] Result<Relayout> quantize_layout(const LayoutNode& node, Operand operand,
                                               const Layout& layout);

}  // namespace pot
