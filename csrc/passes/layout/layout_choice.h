#pragma once
// Which plan of layouts is taken where the fewest bytes would make operators run slower.

#include <cstdint>
#include <string_view>
#include <vector>

#include "passes/layout/layout_network.h"
#include "passes/solver/layout_problem.h"

namespace pot {

struct LayoutChoice {
  std::vector<std::size_t> modes;  ///< of each place
  std::int64_t optimum = 0;        ///< no plan moves fewer bytes than this
  std::string_view method;         ///< as LayoutSolution has it
};

/// The plan that loses least by moves and slowdowns together, as long as it moves no more bytes
/// than the best plan that only moves Transposes past the operators of the file. Otherwise the
/// fewest bytes: there only operators that the file does not have are weighed by what they lose.
/// Pre: the problem is that of the network, with its target costs.
[[nodiscard]] LayoutChoice choose_layout(const LayoutNetwork& network,
                                         const LayoutProblem& problem);

}  // namespace pot
