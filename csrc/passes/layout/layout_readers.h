#pragma once
// Who reads which value in which layout, once a plan has chosen.

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "passes/layout/plan_layout.h"

namespace pot {

class FamilyMembers {
 public:
  struct At {
    std::size_t family = 0;
    std::size_t member = 0;
  };

  explicit FamilyMembers(const LayoutNetwork& network);

  /// Nothing for a value that is in no family. A body sees what graphs around it define.
  [[nodiscard]] std::optional<At> find(const Graph& graph, ValueId id) const;

 private:
  std::map<std::pair<const Graph*, ValueId>, At> members_;
};

/// What reads a value, and in which layout of the root of its family.
struct LayoutReaders {
  struct Input {
    Graph* graph = nullptr;
    NodeId node;
    std::size_t slot = 0;
    std::size_t family = 0;
    Layout layout;
  };
  struct Output {
    Graph* graph = nullptr;
    std::size_t slot = 0;
    std::size_t family = 0;
    Layout layout;
  };
  std::vector<Input> inputs;  ///< of nodes; graphs parents first, then in the order of the file
  std::vector<Output> outputs;
  std::vector<std::optional<Layout>> made;  ///< of each family: how its maker makes it
};

/// Nodes that the families replace read nothing. What no place of the network reads is read as the
/// file has it.
[[nodiscard]] LayoutReaders layout_readers(const Model& model, const LayoutNetwork& network,
                                           const LayoutPlan& plan);

}  // namespace pot
