#pragma once
// Where the channels of a value are: what the convolutions around it say.

#include "passes/layout/layout_network.h"

namespace pot {

/// Fills ValueFamily::channels_first: from the operands of operators that have a channel axis,
/// through everything that keeps the axes as they are. Pre: the modes are found.
void find_frames(LayoutNetwork& network, const Model& model, const ModelFacts& facts);

/// The layout of this name as the root of the family sees it; of a family without a frame nothing.
[[nodiscard]] std::optional<Layout> named_layout(const ValueFamily& family, NamedLayout name);

}  // namespace pot
