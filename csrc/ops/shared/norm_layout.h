#pragma once
// Normalizations in other layouts.

#include "ops/shared/layout_rule.h"

namespace pot {

/// LayoutRules of what normalizes input 0 to output 0, one operator each.
[[nodiscard]] Result<Relayout> batch_norm_layout(const LayoutNode& node, Operand operand,
                                                 const Layout& layout);
[[nodiscard]] Result<Relayout> instance_norm_layout(const LayoutNode& node, Operand operand,
                                                    const Layout& layout);
[[nodiscard]] Result<Relayout> group_norm_layout(const LayoutNode& node, Operand operand,
                                                 const Layout& layout);
[[nodiscard]] Result<Relayout> response_norm_layout(const LayoutNode& node, Operand operand,
                                                    const Layout& layout);
/// Of those that normalize all axes from `axis` on: these may change places among themselves, which
/// scale and bias follow, and so may those before it.
[[nodiscard]] Result<Relayout> layer_norm_layout(const LayoutNode& node, Operand operand,
                                                 const Layout& layout);
/// Of those that add input 1 first, and normalize the last axis.
[[nodiscard]] Result<Relayout> skip_norm_layout(const LayoutNode& node, Operand operand,
                                                const Layout& layout);

}  // namespace pot
