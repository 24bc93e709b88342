#pragma once
// The layout of every value, so that the fewest bytes are moved; and why each move that is left is
// left.

#include <cstdint>
#include <string>
#include <vector>

#include "passes/layout/layout_network.h"
#include "passes/solver/layout_problem.h"

namespace pot {

struct LayoutPlan {
  /// A Transpose, Reshape or both that the new graph needs.
  struct Move {
    std::size_t family = 0;
    Layout from;                       ///< of the root
    Layout to;                         ///< of the root
    std::int64_t bytes = 0;            ///< 0 when only axes of size 1 change place: a Reshape
    std::string value;                 ///< the root, or the member nearest to what is read
    std::string between;               ///< "node 'conv1' (Conv)": who makes it
    std::vector<std::string> readers;  ///< labels of the places that read it so
    std::string reason;                ///< why neither side can have the other's layout
  };
  struct Count {
    std::int64_t transposes = 0;  ///< those that move bytes
    std::int64_t bytes = 0;
  };
  std::vector<std::size_t> mode;  ///< of each place of the network
  std::vector<Move> moves;
  Count before;  ///< of the file; Transposes of constants count nothing
  Count after;
  std::int64_t optimum = 0;        ///< no plan under these rules moves fewer bytes than this
  std::string method;              ///< as LayoutSolution has it
  std::vector<std::string> notes;  ///< which operators run slower in what was chosen
};

[[nodiscard]] LayoutPlan plan_layout(const LayoutNetwork& network);

}  // namespace pot
