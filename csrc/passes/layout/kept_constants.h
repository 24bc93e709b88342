#pragma once
// Constants that an edit has replaced, under their old names and in their old places.

#include <map>
#include <utility>
#include <vector>

#include "ir/model.h"

namespace pot {

/// Which constants the nodes of a model read. An edit gives nodes new constants (axes in another
/// layout); where all that read an old one read the same new one now, nobody can tell them apart:
/// the old one takes what the new one holds.
class KeptConstants {
 public:
  /// Reads the model as it is before the edit.
  explicit KeptConstants(const Model& model);

  /// Pre: nodes that are still there have their operands in the same slots.
  void restore(Model& model) const;

 private:
  using Slot = std::pair<NodeId, std::size_t>;
  struct OfGraph {
    std::map<ValueId, std::vector<Slot>> readers;  // of each constant that this graph holds
  };

  static void restore(Graph& graph, const OfGraph& known);

  std::map<const Graph*, OfGraph> graphs_;
};

}  // namespace pot
