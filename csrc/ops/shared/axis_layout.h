#pragma once
// What layout rules of operators that name axes share.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// A Refusal when one of these axes is stored in another inner order: the operator would read its
/// elements along the axis in that order.
[[nodiscard]] Status require_plain(const Layout& layout, std::span<const std::size_t> axes);
/// The same of all axes.
[[nodiscard]] Status require_plain(const Layout& layout);

/// The rank of an operand that the rule has to know. A Refusal names it: "the rank of input 1 'w'
/// is not known".
[[nodiscard]] Result<std::size_t> known_rank(const LayoutNode& node, Operand operand);

/// Axes as they are written, which may be negative. A Refusal names one that is outside of the
/// rank.
[[nodiscard]] Result<std::vector<std::size_t>> normal_axes(std::span<const std::int64_t> axes,
                                                           std::size_t rank);
/// The same, each once and in order.
[[nodiscard]] Result<std::vector<std::size_t>> sorted_axes(std::span<const std::int64_t> axes,
                                                           std::size_t rank);
/// The axis that an attribute names.
[[nodiscard]] Result<std::size_t> normal_axis(const LayoutNode& node, std::string_view name,
                                              std::int64_t otherwise, std::size_t rank);
/// Where an axis lies in what is stored, counted from the end where it is written so: going there
/// and back gives the same number.
[[nodiscard]] std::int64_t written_axis(const Layout& layout, std::int64_t axis);
/// Where these axes lie in what is stored.
[[nodiscard]] std::vector<std::int64_t> places_of(const Layout& layout,
                                                  std::span<const std::size_t> axes);

/// The tensors in these input slots and all outputs in one layout, other inputs (axes, sizes) as
/// the file has them. A Refusal when `asked` is none of them, or their ranks differ.
[[nodiscard]] Result<Relayout> all_alike(const LayoutNode& node, Operand asked,
                                         const Layout& layout, std::span<const std::size_t> slots);

inline constexpr std::array<std::size_t, 1> kFirstInput{0};

/// All alike, of an operator that works along the axis which the attribute `axis` names and treats
/// every other one place by place.
[[nodiscard]] Result<Relayout> along_axis(const LayoutNode& node, Operand asked,
                                          const Layout& layout, std::span<const std::size_t> slots,
                                          std::int64_t otherwise);

/// All alike, of an operator that takes its input for a matrix: the axes before the one that the
/// attribute `axis` names, and all others. A Refusal when the stored axes cannot be cut like that.
struct MatrixCut {
  std::int64_t otherwise = 1;  ///< the axis without the attribute
  bool ordered = false;        ///< the order of the elements in a row of the matrix counts
};
[[nodiscard]] Result<Relayout> across_cut(const LayoutNode& node, Operand asked,
                                          const Layout& layout, const MatrixCut& cut);

/// Two values, one of which lacks some axes of the other, in layouts that agree.
struct AxesApart {
  Layout whole;
  Layout rest;
};
/// From the layout of the whole: the rest is what is left of it. Pre: `apart` holds each axis of
/// the whole at most once, in order.
[[nodiscard]] AxesApart from_whole(const Layout& whole, std::span<const std::size_t> apart);
/// From the layout of the rest: the axes that it lacks stay where they are, the others go around
/// them. Pre: likewise.
[[nodiscard]] AxesApart from_rest(const Layout& rest, std::span<const std::size_t> apart);

/// Two operands of a node that lie apart like this.
struct Parting {
  Operand whole;
  Operand rest;
  std::span<const std::size_t> axes;  ///< of the whole, that the rest lacks; sorted
};
struct Parted {
  Relayout layouts;                  ///< all other operands as the file has them
  std::vector<std::int64_t> places;  ///< of the axes in what is stored of the whole; sorted
};
/// A Refusal when `asked` is neither of them, or one of the axes is in another inner order.
[[nodiscard]] Result<Parted> part_layouts(const LayoutNode& node, Operand asked,
                                          const Layout& layout, const Parting& parting);

/// What a reduction of input 0 to output 0 along these axes looks like, by its attribute
/// `keepdims`.
[[nodiscard]] Result<Parted> reduced_layouts(const LayoutNode& node, Operand asked,
                                             const Layout& layout,
                                             std::span<const std::size_t> axes);

/// A constant list of integers in this input slot, of the type of the one that it replaces or
/// stands beside.
void put_ints(DrawnNode& drawn, std::size_t slot, const Fact& like,
              std::span<const std::int64_t> elements);
/// A constant integer of the type and rank of the one that it replaces.
[[nodiscard]] DrawnInput int_like(const Fact& like, std::int64_t element);

/// The node's `axes` of a value that is stored so, written where the node has them (as the
/// attribute, or in this input slot) and as it writes them: in its order, from the end where it
/// counts from the end. Pre: they are known and within the rank.
void put_axes(DrawnNode& drawn, const LayoutNode& node, std::size_t slot, const Layout& layout);

/// The input in this slot, a list with one element for each axis of a value stored as `layout`, in
/// stored order; `lists` such lists one behind the other (pads: ends behind starts). A Refusal when
/// it is no list of that length.
[[nodiscard]] Result<DrawnInput> in_stored_order(const LayoutNode& node, std::size_t slot,
                                                 const Layout& layout, std::size_t lists);
/// The same of numbers that are known. Pre: as many as `lists` times the rank.
[[nodiscard]] std::vector<std::int64_t> in_stored_order(std::span<const std::int64_t> elements,
                                                        const Layout& layout);

/// The input in this slot, a list that is stored as `layout`, in the file's order. Pre: the layout
/// has one axis.
[[nodiscard]] DrawnInput in_file_order(std::size_t slot, const Layout& layout);

/// The node with one redrawn node.
[[nodiscard]] Relayout with_node(Relayout layouts, DrawnNode drawn);

}  // namespace pot
