#pragma once
// Pools in other layouts.

#include <string_view>

#include "ops/shared/layout_rule.h"

namespace pot {

/// LayoutRule of a pool with windows: batch and channels stay in front, in any order; spatial axes
/// may change places.
[[nodiscard]] Result<Relayout> pool_layout(const LayoutNode& node, Operand operand,
                                           const Layout& layout);

/// A pool over all positions. Where batch and channels are not in front it is a reduction of this
/// name; an empty one refuses.
[[nodiscard]] Result<Relayout> global_pool_layout(const LayoutNode& node, Operand operand,
                                                  const Layout& layout, std::string_view reduction);

}  // namespace pot
