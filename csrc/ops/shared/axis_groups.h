#pragma once
// What a Reshape makes of axes: which stretch of one shape is which stretch of the other, and in
// which layout the one is stored when the other is.

#include <span>
#include <string>

#include "base/status.h"
#include "ir/layout.h"
#include "ops/shared/fact.h"

namespace pot {

/// `from` and `to` hold the same elements in the same order. How `to` is stored when `from` is
/// stored as `layout`, without moving an element: axes that are merged may come out in an inner
/// order, an inner order may become axes. A Refusal says which axis of `to_name` would be torn
/// apart. Axes of size 1 that only `to` has lie behind the axis before them.
[[nodiscard]] Result<Layout> layout_across(const Layout& layout, std::span<const Expr> from,
                                           std::span<const Expr> to, const std::string& to_name);

}  // namespace pot
