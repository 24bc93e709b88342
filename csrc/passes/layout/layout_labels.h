#pragma once
// A network as a problem that knows nothing of layouts: each one is a number.

#include "passes/layout/layout_network.h"
#include "passes/solver/layout_problem.h"

namespace pot {

struct LayoutLabels {
  LayoutProblem problem;
  std::vector<std::vector<Layout>> layouts;  ///< of each family, by label
};

[[nodiscard]] LayoutLabels label_layouts(const LayoutNetwork& network);

}  // namespace pot
