#pragma once
// What reads and makes the values of a model, as places of a plan.

#include "passes/layout/layout_families.h"

namespace pot {

/// Fills `network.places`, each with one mode: the file's. Nodes and graph inputs and outputs all
/// of whose values are in no family, and what the families replace, are no places.
void find_places(const LayoutFamilies& families, Model& model, LayoutNetwork& network);

/// Adds the port of `place` that reads or makes this value; does nothing for a value that is in no
/// family. Returns whether it did.
bool add_port(LayoutPlace& place, const LayoutFamilies& families, Graph& graph, ValueId id,
              bool makes, Operand operand = {});

/// The values of a node's bodies, tied to those around where the node passes them on as they are.
/// Adds the places of what crosses the border of a body: outputs of an If, states and scanned
/// outputs of a Loop; otherwise inputs and outputs of the body, which keep their layouts. Operands
/// of the node that no such place has are left to `around`: the place of the node itself.
void find_body_places(const LayoutFamilies& families, Graph& graph, NodeId node,
                      LayoutPlace& around, LayoutNetwork& network);

/// A port by the place that has it.
struct PortAt {
  std::size_t place = 0;
  std::size_t port = 0;
};
/// What reads and makes each family.
[[nodiscard]] std::vector<std::vector<PortAt>> ports_of_families(const LayoutNetwork& network);

/// The mode in which everything is as the file has it.
[[nodiscard]] LayoutPlace::Mode file_mode(const LayoutPlace& place, const LayoutNetwork& network);

}  // namespace pot
