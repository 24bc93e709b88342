#pragma once
// Layouts of operators that find slices of a tensor by tuples of indices (GatherND, ScatterND).

#include <span>

#include "ops/shared/layout_rule.h"

namespace pot {

/// Input 1 holds the tuples along its last axis. Rows lie as the tuples do and hold slices of the
/// table behind the axes that a tuple names.
struct TupleRoles {
  std::span<const Operand> tables;
  Operand rows;
};

/// The axes before those that tuples name, those of the tuples, and those of a slice each move
/// among themselves. A Refusal where they mix.
[[nodiscard]] Result<Relayout> tuple_layout(const LayoutNode& node, Operand asked,
                                            const Layout& layout, const TupleRoles& roles);

}  // namespace pot
