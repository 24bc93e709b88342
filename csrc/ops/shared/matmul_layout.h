#pragma once
// Products of matrices, and of many matrices at once, in other layouts.

#include <cstddef>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// Where a product has its operands, and what is known of it.
struct ProductRoles {
  std::size_t a = 0;
  std::size_t b = 1;
  std::vector<std::size_t> per_column{};  ///< slots with one element, or one for each column of b
  std::vector<std::size_t> single{};      ///< slots that have one element, or the rule refuses
  bool rewritten = true;                  ///< other forms of the same product have its type
};

/// Batch axes go together. A product with a matrix leaves the axes of the other operand free: see
/// axis_product.h. Two matrices are as in plane_product.h.
[[nodiscard]] Result<Relayout> matmul_layout(const LayoutNode& node, Operand operand,
                                             const Layout& layout, const ProductRoles& roles);

/// LayoutRule of Gemm, and of what has its inputs and attributes.
[[nodiscard]] Result<Relayout> gemm_layout(const LayoutNode& node, Operand operand,
                                           const Layout& layout);

/// LayoutRule of onnxruntime's FusedMatMul: matrices are read the other way round by its flags.
[[nodiscard]] Result<Relayout> fused_matmul_layout(const LayoutNode& node, Operand operand,
                                                   const Layout& layout);

}  // namespace pot
