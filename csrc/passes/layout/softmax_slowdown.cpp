#include "passes/layout/softmax_slowdown.h"

#include <algorithm>

namespace pot {
namespace {

constexpr std::int64_t kAxisIsAlone = 13;  // before, everything behind the axis belongs to it

/// onnxruntime 1.31 on one x86 core, with one axis behind the axis of Softmax and with several: as
/// many times what a Transpose of its input takes (0.8 to 2.4, and 10 to 100 times).
constexpr std::int64_t kOneBehind = 2;
constexpr std::int64_t kSeveralBehind = 10;

bool is_softmax(const Node& node) {
  return node.is_standard() &&
         (node.op_type == "Softmax" || node.op_type == "LogSoftmax" || node.op_type == "Hardmax");
}

/// How much slower than with its axis last. Pre: the layout has the rank of the dims.
std::int64_t factor_of(const Permutation& order, std::size_t axis, const Dims& dims) {
  std::size_t behind = 0;
  for (std::size_t place = order.place_of(axis) + 1; place < order.rank(); ++place) {
    behind += dims[order[place]].is(1) ? 0 : 1;
  }
  return behind == 0 ? 0 : behind == 1 ? kOneBehind : kSeveralBehind;
}

}  // namespace

std::int64_t softmax_slowdown(const LayoutNode& node, const Relayout& relayout,
                              const WeighedSizes& sizes) {
  const Fact& made = node.out(0);
  if (!is_softmax(node.at().node()) || node.at().opset() < kAxisIsAlone) return 0;
  if (!made.has_rank() || relayout.outputs.empty()) return 0;
  const Permutation& order = relayout.outputs[0].perm;
  const auto axis = normalized_axis(node.at().attr_int("axis", -1), made.rank());
  if (!axis || order.rank() != made.rank()) return 0;
  const std::int64_t before = factor_of(Permutation::identity(made.rank()), *axis, *made.dims);
  const std::int64_t after = factor_of(order, *axis, *made.dims);
  return std::max<std::int64_t>(0, after - before) * sizes.bytes(*made.dims, made.dtype);
}

}  // namespace pot
