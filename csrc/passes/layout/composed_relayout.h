#pragma once
// A node of which two operands lie otherwise, each for a reason of its own.

#include <optional>

#include "ops/shared/layout_rule.h"

namespace pot {

/// Rules are asked of one operand. Where the answer leaves another one as it is, the node that is
/// drawn can be asked of that: Gemm reads both of its matrices the other way round, Gather its
/// indices too. Nothing where the rule refuses that, or `first` is more than one node. Pre: `first`
/// leaves the operand as the file has it.
[[nodiscard]] std::optional<Relayout> composed(const LayoutNode& node, const Relayout& first,
                                               Operand operand, const Layout& layout);

}  // namespace pot
