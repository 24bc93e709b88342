// What crosses the border of a body.

#include "ir/print.h"
#include "passes/body_copy.h"
#include "passes/layout/layout_places.h"

namespace pot {
namespace {

using Kind = LayoutPlace::Kind;

/// The places around the bodies of one node.
class BodyPlaces {
 public:
  BodyPlaces(const LayoutFamilies& families, Graph& graph, NodeId node, LayoutPlace& around,
             LayoutNetwork& network)
      : families_(families),
        graph_(graph),
        node_(graph.node(node)),
        around_(around),
        network_(network),
        label_(node_label(graph, node)) {}

  void add() {
    const std::vector<GraphPtr> bodies = node_.bodies();
    if (node_.is("If") && ties_if()) return;
    if (node_.is("Loop") && ties_loop()) return;
    for (const GraphPtr& body : bodies) {
      pin_inputs(*body, 0);
      for (std::size_t slot = 0; slot < body->outputs().size(); ++slot) pin_output(*body, slot);
    }
    leave_inputs(0, node_.inputs.size());
    leave_outputs(0, node_.outputs.size());
  }

 private:
  bool ties_if() {
    const GraphPtr then = body_of(node_, "then_branch");
    const GraphPtr other = body_of(node_, "else_branch");
    const std::size_t count = node_.outputs.size();
    if (!then || !other || node_.bodies().size() != 2) return false;
    if (then->outputs().size() != count || other->outputs().size() != count) return false;
    leave_inputs(0, node_.inputs.size());
    for (std::size_t slot = 0; slot < count; ++slot) {
      LayoutPlace place = between(Kind::branch_output, slot, "output", node_.outputs[slot]);
      const bool tied =
          add_port(place, families_, *then, then->outputs()[slot].value, false) &&
          add_port(place, families_, *other, other->outputs()[slot].value, false) &&
          (!node_.outputs[slot] || add_port(place, families_, graph_, node_.outputs[slot], true)) &&
          same_ranks(place, 0);
      if (tied) {
        network_.places.push_back(std::move(place));
        continue;
      }
      pin_output(*then, slot);
      pin_output(*other, slot);
      leave_outputs(slot, slot + 1);
    }
    return true;
  }

  bool ties_loop() {
    const GraphPtr body = body_of(node_, "body");
    if (!body || node_.bodies().size() != 1) return false;
    if (body->inputs().size() < 2 || node_.inputs.size() != body->inputs().size()) return false;
    const std::size_t states = body->inputs().size() - 2;
    if (body->outputs().size() < states + 1) return false;
    if (node_.outputs.size() + 1 > body->outputs().size()) return false;
    leave_inputs(0, 2);
    pin_input(*body, 0);
    pin_input(*body, 1);
    pin_output(*body, 0);
    for (std::size_t slot = 0; slot + 1 < body->outputs().size(); ++slot) {
      slot < states ? add_state(*body, slot) : add_scan(*body, slot);
    }
    return true;
  }

  void add_state(Graph& body, std::size_t slot) {
    LayoutPlace place = between(Kind::loop_state, slot, "state", {});
    place.label =
        "state '" + std::string(body.value_name(body.inputs()[2 + slot].value)) + "' of " + label_;
    const ValueId last = output(slot);
    const bool tied = add_port(place, families_, graph_, node_.inputs[2 + slot], false) &&
                      add_port(place, families_, body, body.outputs()[1 + slot].value, false) &&
                      add_port(place, families_, body, body.inputs()[2 + slot].value, true) &&
                      (!last || add_port(place, families_, graph_, last, true)) &&
                      same_ranks(place, 0);
    if (tied) {
      network_.places.push_back(std::move(place));
      return;
    }
    pin_input(body, 2 + slot);
    pin_output(body, 1 + slot);
    leave_inputs(2 + slot, 3 + slot);
    leave_outputs(slot, slot + 1);
  }

  void add_scan(Graph& body, std::size_t slot) {
    const ValueId stack = output(slot);
    LayoutPlace place = between(Kind::loop_scan, slot, "output", stack);
    const bool tied = add_port(place, families_, body, body.outputs()[1 + slot].value, false) &&
                      (!stack || add_port(place, families_, graph_, stack, true)) &&
                      same_ranks(place, 1);
    if (tied) {
      network_.places.push_back(std::move(place));
      return;
    }
    pin_output(body, 1 + slot);
    leave_outputs(slot, slot + 1);
  }

  [[nodiscard]] ValueId output(std::size_t slot) const {
    return slot < node_.outputs.size() ? node_.outputs[slot] : ValueId{};
  }

  [[nodiscard]] LayoutPlace between(Kind kind, std::size_t slot, const char* what, ValueId id) {
    LayoutPlace place;
    place.kind = kind;
    place.graph = &graph_;
    place.node = node_.id;
    place.slot = slot;
    const std::string name =
        id ? " '" + std::string(graph_.value_name(id)) + "'" : " " + std::to_string(slot);
    place.label = what + name + " of " + label_;
    return place;
  }

  /// What is made has the rank of what is read, and so many axes more.
  [[nodiscard]] bool same_ranks(const LayoutPlace& place, std::size_t more) const {
    const auto rank = [&](const LayoutPlace::Port& port) {
      return network_.families[port.family].dims.size();
    };
    for (const LayoutPlace::Port& port : place.ports) {
      if (rank(port) != rank(place.ports.front()) + (port.makes ? more : 0)) return false;
    }
    return true;
  }

  void pin_inputs(Graph& body, std::size_t from) {
    for (std::size_t slot = from; slot < body.inputs().size(); ++slot) pin_input(body, slot);
  }
  void pin_input(Graph& body, std::size_t slot) {
    pin(Kind::graph_input, "input", body, body.inputs()[slot].value, slot);
  }
  void pin_output(Graph& body, std::size_t slot) {
    pin(Kind::graph_output, "output", body, body.outputs()[slot].value, slot);
  }
  void pin(Kind kind, const char* what, Graph& body, ValueId id, std::size_t slot) {
    const auto at = families_.of(body, id);
    const bool makes = kind == Kind::graph_input;
    if (!at || (makes && network_.families[at->family].constant)) return;
    LayoutPlace place;
    place.kind = kind;
    place.graph = &body;
    place.slot = slot;
    place.label =
        std::string(what) + " '" + std::string(body.value_name(id)) + "' of a body of " + label_;
    if (add_port(place, families_, body, id, makes)) network_.places.push_back(std::move(place));
  }

  void leave_inputs(std::size_t from, std::size_t to) {
    for (std::size_t slot = from; slot < to && slot < node_.inputs.size(); ++slot) {
      add_port(around_, families_, graph_, node_.inputs[slot], false, {false, slot});
    }
  }
  void leave_outputs(std::size_t from, std::size_t to) {
    for (std::size_t slot = from; slot < to && slot < node_.outputs.size(); ++slot) {
      add_port(around_, families_, graph_, node_.outputs[slot], true, {true, slot});
    }
  }

  const LayoutFamilies& families_;
  Graph& graph_;
  const Node& node_;
  LayoutPlace& around_;
  LayoutNetwork& network_;
  std::string label_;
};

}  // namespace

void find_body_places(const LayoutFamilies& families, Graph& graph, NodeId node,
                      LayoutPlace& around, LayoutNetwork& network) {
  BodyPlaces(families, graph, node, around, network).add();
}

}  // namespace pot
