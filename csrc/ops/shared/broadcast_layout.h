#pragma once
// How operators that work element by element look in another layout.

#include <cstddef>
#include <string>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// Which operands carry the elements of the result. All others (scales, bounds, ratios) are read
/// and made as they are.
struct ElementwiseRoles {
  std::vector<std::size_t> inputs;      ///< that broadcast to the result; omitted ones do not count
  std::vector<std::size_t> outputs{0};  ///< that have the shape of the result
  /// The operator knows no broadcasting but along the last axis, of inputs that say so by their
  /// rank: no axes can be put into them.
  bool last_axis_only = false;
};

/// The node with its elements in another order: inputs of lower rank are read in the layout that
/// the result's induces, with axes of size 1 put in; what has one element stays. Inputs that have
/// one element along an axis of another inner order need nothing.
[[nodiscard]] Result<Relayout> elementwise_layout(const LayoutNode& node, Operand operand,
                                                  const Layout& layout,
                                                  const ElementwiseRoles& roles);

/// LayoutRule: all inputs broadcast to output 0.
[[nodiscard]] Result<Relayout> broadcast_layout(const LayoutNode& node, Operand operand,
                                                const Layout& layout);
/// LayoutRule: output 0 has the elements of input 0 at their places; further inputs are scalars.
[[nodiscard]] Result<Relayout> unary_layout(const LayoutNode& node, Operand operand,
                                            const Layout& layout);
/// LayoutRule: the inputs at these slots broadcast to output 0.
template <std::size_t... slots>
[[nodiscard]] Result<Relayout> broadcast_layout_of(const LayoutNode& node, Operand operand,
                                                   const Layout& layout) {
  return elementwise_layout(node, operand, layout, {.inputs = {slots...}});
}

/// What stands beside a result of `layout` and broadcasts to it: how it is read.
/// Pre: fact.has_rank(), of at most the layout's rank. `label` names it in refusals.
[[nodiscard]] Result<Aligned> aligned_operand(const Fact& fact, const Layout& layout,
                                              const std::string& label);
/// A layout of a result of `rank` axes in which an operand that broadcasts to it lies as `layout`;
/// axes that the operand does not have stay in front. Pre: layout.rank() <= rank.
[[nodiscard]] Layout lifted(const Layout& layout, std::size_t rank);

/// Refuses an operand of a type that came before Transpose could take it: nothing could be put
/// between its layouts.
[[nodiscard]] Status require_movable(const LayoutNode& node, Operand operand);

/// The operand at this slot, as refusals name it: "input 1 'w'", "output 0 'y'".
[[nodiscard]] std::string operand_label(const LayoutNode& node, Operand operand);

}  // namespace pot
