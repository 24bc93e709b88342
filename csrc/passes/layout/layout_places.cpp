#include "passes/layout/layout_places.h"

#include "ir/print.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

class Places {
 public:
  Places(const LayoutFamilies& families, LayoutNetwork& network)
      : families_(families), network_(network) {}

  void add_nodes(Graph& graph) {
    for (const NodeId id : graph.nodes()) {
      if (families_.replaced(graph, id) || families_.is_constant(graph, id)) continue;
      const Node& node = graph.node(id);
      LayoutPlace place;
      place.graph = &graph;
      place.node = id;
      place.label = node_label(graph, id);
      if (node.has_bodies()) {
        find_body_places(families_, graph, id, place, network_);
      } else {
        add_operands(place, graph, node);
      }
      if (!place.ports.empty()) network_.places.push_back(std::move(place));
    }
  }

  void add_border(Graph& main) {
    for (std::size_t slot = 0; slot < main.inputs().size(); ++slot) {
      add(LayoutPlace::Kind::graph_input, "input", main, main.inputs()[slot].value, slot);
    }
    for (std::size_t slot = 0; slot < main.outputs().size(); ++slot) {
      add(LayoutPlace::Kind::graph_output, "output", main, main.outputs()[slot].value, slot);
    }
  }

 private:
  void add_operands(LayoutPlace& place, Graph& graph, const Node& node) {
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      add_port(place, families_, graph, node.inputs[slot], false, {false, slot});
    }
    for (std::size_t slot = 0; slot < node.outputs.size(); ++slot) {
      add_port(place, families_, graph, node.outputs[slot], true, {true, slot});
    }
  }

  void add(LayoutPlace::Kind kind, const char* what, Graph& main, ValueId id, std::size_t slot) {
    const bool makes = kind == LayoutPlace::Kind::graph_input;
    const auto at = families_.of(main, id);
    // Before IR version 4 a constant had to be an input too.
    if (makes && at && network_.families[at->family].constant) return;
    LayoutPlace place;
    place.kind = kind;
    place.graph = &main;
    place.slot = slot;
    place.label = std::string(what) + " '" + std::string(main.value_name(id)) + "'";
    if (add_port(place, families_, main, id, makes)) network_.places.push_back(std::move(place));
  }

  const LayoutFamilies& families_;
  LayoutNetwork& network_;
};

}  // namespace

bool add_port(LayoutPlace& place, const LayoutFamilies& families, Graph& graph, ValueId id,
              bool makes, Operand operand) {
  const auto at = id ? families.of(graph, id) : std::nullopt;
  if (!at) return false;
  place.ports.push_back({at->family, at->member, makes, operand, &graph});
  return true;
}

LayoutPlace::Mode file_mode(const LayoutPlace& place, const LayoutNetwork& network) {
  LayoutPlace::Mode mode;
  for (const LayoutPlace::Port& port : place.ports) {
    mode.layouts.emplace_back(network.families[port.family].members[port.member].perm);
  }
  return mode;
}

std::vector<std::vector<PortAt>> ports_of_families(const LayoutNetwork& network) {
  std::vector<std::vector<PortAt>> made(network.families.size());
  for (std::size_t place = 0; place < network.places.size(); ++place) {
    const auto& ports = network.places[place].ports;
    for (std::size_t port = 0; port < ports.size(); ++port) {
      made[ports[port].family].push_back({place, port});
    }
  }
  return made;
}

void find_places(const LayoutFamilies& families, Model& model, LayoutNetwork& network) {
  Places places(families, network);
  places.add_border(model.graph());
  for (const GraphPtr& graph : graphs_of(model)) places.add_nodes(*graph);
  for (LayoutPlace& place : network.places) place.modes.push_back(file_mode(place, network));
}

}  // namespace pot
