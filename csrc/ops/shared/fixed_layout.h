#pragma once
// Operators that know their operands in one order of axes only.

#include "ops/shared/layout_rule.h"

namespace pot {

/// LayoutRule that says why there is no other order.
template <const auto& kReason>
[[nodiscard]] Result<Relayout> fixed_layout(const LayoutNode& /*node*/, Operand /*operand*/,
                                            const Layout& /*layout*/) {
  return refuse(kReason);
}

inline constexpr char kStepsAlongAxis0[] = "it steps along axis 0 of its input";
inline constexpr char kImagesOfPlanes[] = "its images have their batch and channels first";
inline constexpr char kBoxesInPlace[] = "its boxes and scores have fixed places";
inline constexpr char kHeadsInPlace[] = "its heads and their sizes have fixed places";

}  // namespace pot
