#pragma once
// Gemm, and MatMul of two matrices: each operand can be read and made the other way round.

#include "ops/shared/layout_rule.h"

namespace pot {

/// The node as Gemm: an operand that is stored the other way round is read with the other value of
/// transA or transB; a result that is, is the product of the other order. Pre: input 0 and 1 have
/// rank 2; the node is a MatMul, or what has Gemm's inputs and attributes.
[[nodiscard]] Result<Relayout> plane_product_layout(const LayoutNode& node, Operand operand,
                                                    const Layout& layout);

}  // namespace pot
