#include "passes/layout/product_slowdown.h"

#include <algorithm>

namespace pot {
namespace {

/// onnxruntime 1.31 on one x86 core: a product loses at least what a Transpose of the other operand
/// takes, as that is packed, and, where there are more than 256 columns, as much as one byte of it
/// for each 50 to 80 multiplications.
constexpr std::int64_t kProductsPerByte = 64;

bool is_weight(const LayoutNode& node, const DrawnInput& input) {
  if (input.from == DrawnInput::From::constant) return true;
  return input.from == DrawnInput::From::input && node.at().in(input.index).constant;
}

bool is_matrix_product(std::string_view op_type) {
  return op_type == "MatMul" || op_type == "Gemm";
}

/// The weight of a product of matrices in the file; null where there is none, or it lies left.
const Fact* weight_on_the_right(const LayoutNode& node) {
  const Node& own = node.at().node();
  if (!own.is_standard() || !is_matrix_product(own.op_type.value)) return nullptr;
  const Fact& right = node.at().in(1);
  return right.constant && !node.at().in(0).constant ? &right : nullptr;
}

bool goes_left(const LayoutNode& node, const DrawnNode& drawn) {
  if (drawn.op_type == "Conv") return true;
  return is_matrix_product(drawn.op_type) && !drawn.inputs.empty() &&
         is_weight(node, drawn.inputs[0]);
}

/// A convolution adds its bias on the way; beside a product it is a pass of its own over the
/// result, which takes a third to a half of what a Transpose takes. But a Transpose behind a
/// convolution is nearly free once onnxruntime has chosen its blocked kernels, so that no part of
/// it is lost.
bool adds_bias_apart(const LayoutNode& node, const Relayout& relayout) {
  const Node& own = node.at().node();
  return own.is_standard() && own.op_type == "Conv" && !relayout.nodes.empty() &&
         relayout.nodes.back().op_type == "Add";
}

}  // namespace

std::int64_t product_slowdown(const LayoutNode& node, const Relayout& relayout,
                              const WeighedSizes& sizes) {
  const Fact* weight = weight_on_the_right(node);
  const Fact& made = node.out(0);
  if (made.has_rank() && adds_bias_apart(node, relayout)) {
    return sizes.bytes(*made.dims, made.dtype);
  }
  const bool left = std::ranges::any_of(
      relayout.nodes, [&](const DrawnNode& drawn) { return goes_left(node, drawn); });
  if (!weight || !left || !made.has_rank() || made.rank() == 0) return 0;
  Dims products = *made.dims;
  products.back() = weight->count();  // each line of the result takes the whole weight
  const Fact& packed = node.at().in(0);
  return std::max(sizes.bytes(products, DType::int8) / kProductsPerByte,
                  packed.has_rank() ? sizes.bytes(*packed.dims, packed.dtype) : 0);
}

}  // namespace pot
