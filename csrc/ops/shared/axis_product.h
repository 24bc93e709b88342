#pragma once
// A matrix times each line of a tensor along one axis: MatMul with a weight, and a convolution that
// looks at one position.

#include <cstddef>
#include <optional>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// The result has the axes of the tensor, one of them with other elements.
struct AxisProduct {
  std::size_t tensor = 0;  ///< its slot
  std::size_t axis = 0;    ///< of the tensor: the one that is summed over
  std::size_t matrix = 1;  ///< its slot; axes but the two below have size 1
  std::size_t in = 0;      ///< axis of the matrix that is summed over
  /// Axis of the matrix that comes into its place; nothing when the matrix is a vector, and the
  /// result lacks the axis.
  std::optional<std::size_t> out{};
  std::vector<std::size_t> per_out{};  ///< slots of what has one element for each of `out`
  std::optional<std::size_t> bias{};   ///< the one of them that is added to the result
  /// The operator multiplies the last axis of the tensor by a matrix on the right, and has no other
  /// form.
  bool only_last = false;
  bool convolves = false;  ///< onnxruntime has a convolution of this type
};

/// The product where the axis lies last (tensor times matrix), last but one (matrix times tensor),
/// or behind the batch (a convolution of one position). Pre: ranks of tensor and matrix are known.
[[nodiscard]] Result<Relayout> product_layout(const LayoutNode& node, Operand operand,
                                              const Layout& layout, const AxisProduct& product);

}  // namespace pot
