#pragma once
// Elements along an axis that is stored in another inner order, picked by their indices.

#include <cstdint>
#include <span>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// Channels are thousands at most; a list of more would weigh more than what it saves.
inline constexpr std::int64_t kMostPicked = 1 << 16;

/// Where each index of the axis lies in what is stored.
[[nodiscard]] std::vector<std::int64_t> stored_places(const InnerOrder& inner);

/// The layout with this axis in the file's order.
[[nodiscard]] Layout in_order(Layout layout, std::size_t axis);

/// A Refusal when fewer than a few elements lie behind one of the axis in what is stored, so that
/// picking would take longer than the Transpose that it saves. Pre: the rank of input 0 is known.
[[nodiscard]] Status require_blocks(const LayoutNode& node, const Layout& layout, std::size_t axis);

/// A Gather that picks elements of input 0, stored as `layout`, along an axis by their indices in
/// the file: a tensor of `dims` of them, which may count from the end. What it makes is stored as
/// `in_order` says. A Refusal when an index is outside of the axis, or the axis too long to list.
/// Pre: the axis has an inner order.
[[nodiscard]] Result<DrawnNode> picked(const Layout& layout, std::size_t axis,
                                       std::span<const std::int64_t> indices,
                                       std::vector<std::int64_t> dims);
/// The same of a list of indices.
[[nodiscard]] Result<DrawnNode> picked(const Layout& layout, std::size_t axis,
                                       std::span<const std::int64_t> indices);

}  // namespace pot
