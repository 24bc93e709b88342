#include "passes/unroll_loop.h"

#include <optional>
#include <string>
#include <vector>

#include "ir/print.h"
#include "ops/control_flow.h"
#include "passes/stand_in.h"
#include "passes/unrolling.h"

namespace pot {
namespace {

/// How often a Loop runs, or why that is not known.
struct Turns {
  std::optional<std::int64_t> count;
  std::string why_not;
};

class LoopUnroller {
 public:
  LoopUnroller(Model& model, const ModelFacts& facts, Changes& changes, std::int64_t max_unroll)
      : model_(model), facts_(facts), changes_(changes), taken_(model), budget_(max_unroll) {}

  bool open(Graph& graph) {
    bool changed = false;
    const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
    for (const NodeId id : listing) {
      if (!graph.node(id).has_bodies()) continue;
      for (const GraphPtr& body : graph.node(id).bodies()) changed = open(*body) || changed;
      if (graph.node(id).is("Loop")) changed = visit(graph, id) || changed;
    }
    return changed;
  }

 private:
  bool visit(Graph& graph, NodeId id) {
    const GraphPtr body = body_of(graph.node(id), "body");
    if (!body) return false;
    std::string why = malformed(graph.node(id), *body);
    Turns turns;
    if (why.empty()) turns = count_turns(graph, id, *body);
    if (why.empty()) why = turns.why_not;
    if (why.empty()) why = why_not_copied(*body, *turns.count <= 1);
    if (why.empty()) why = unknown_output(graph, graph.node(id), *body, *turns.count);
    if (why.empty()) why = budget_.take(*turns.count, *body);
    if (!why.empty()) {
      changes_.leave(node_label(graph, id), why);
      return false;
    }
    unroll(graph, id, body, *turns.count);
    changes_.count("unrolled Loop");
    return true;
  }

  static std::string malformed(const Node& node, const Graph& body) {
    const std::size_t carried = node.inputs.size() < 2 ? 0 : node.inputs.size() - 2;
    if (body.inputs().size() != 2 + carried) return "its body does not take what it is given";
    const bool enough = body.outputs().size() >= 1 + std::max(carried, node.outputs.size());
    if (!enough) return "its body has too few outputs";
    for (std::size_t slot = 2; slot < node.inputs.size(); ++slot) {
      if (!node.inputs[slot]) return "an initial value is missing";
    }
    return {};
  }

  Turns count_turns(const Graph& graph, NodeId id, const Graph& body) const {
    const Node& node = graph.node(id);
    const auto fact = [&](std::size_t slot) -> const Fact* {
      const bool given = slot < node.inputs.size() && node.inputs[slot];
      return given ? &facts_.seen_from(graph, node.inputs[slot]) : nullptr;
    };
    const Fact* limit = fact(0);
    const Fact* start = fact(1);
    const auto numbers = limit ? numbers_of(*limit) : std::nullopt;
    const auto most = numbers && numbers->size() == 1 ? std::optional(numbers->front())
                                                      : std::optional<std::int64_t>{};
    const auto starts = start ? known_truth(*start) : std::optional(true);
    if (starts == false || (most && *most <= 0)) return {0, {}};
    // Facts of the body hold in every turn.
    const auto goes_on = known_truth(facts_.seen_from(body, body.outputs()[0].value));
    if (starts && most && goes_on == true) return {*most, {}};
    return run_turns(graph, id);
  }

  Turns run_turns(const Graph& graph, NodeId id) const {
    Turns turns;
    visit_node(model_, facts_, graph, id, [&](const NodeFacts& at) {
      const auto run = loop_turns(at, budget_.turns());
      if (!run) {
        turns.why_not = run.error().message;
      } else if (run.value().ended) {
        turns.count = static_cast<std::int64_t>(run.value().outputs.size());
      } else if (run.value().too_many) {
        turns.why_not = budget_.exceeded();
      } else {
        turns.why_not = run.value().why_not;
      }
    });
    return turns;
  }

  /// Shapes that only a turn would tell, and outputs that Identity does not take.
  std::string unknown_output(const Graph& graph, const Node& node, const Graph& body,
                             std::int64_t turns) const {
    const std::size_t carried = node.inputs.size() - std::min<std::size_t>(node.inputs.size(), 2);
    for (std::size_t slot = 0; slot < node.outputs.size(); ++slot) {
      const ValueId output = node.outputs[slot];
      if (!output) continue;
      const std::string name = "output '" + std::string(graph.value_name(output)) + "'";
      const TypeRef type = type_of(facts_.of(graph, output));
      const bool made = turns > 0 && makes_alone(body, 1 + slot);
      if (slot < carried && !made && !may_hand_on(graph, output, type.get())) {
        return name + " is no tensor, and Identity does not take it at this opset";
      }
      const Fact& item = facts_.seen_from(body, body.outputs()[1 + slot].value);
      const bool known = item.numbers() && item.dtype != DType::undefined;
      if (slot >= carried && turns == 0 && !known) {
        return "it makes no turn, and the shape of " + name + " is not known";
      }
    }
    return {};
  }

  void unroll(Graph& graph, NodeId id, const GraphPtr& body, std::int64_t turns) {
    Unrolling unrolling(graph, id, taken_, changes_);
    std::vector<std::string> carried;
    const std::vector<ValueId> inputs = graph.node(id).inputs;
    for (std::size_t slot = 2; slot < inputs.size(); ++slot) {
      carried.emplace_back(graph.value_name(inputs[slot]));
    }
    unrolling.begin();
    std::vector<std::vector<std::string>> rows(body->outputs().size());
    if (turns > 0) {
      BodyCopies copies(graph, id, body, taken_, turns == 1);
      for (std::int64_t turn = 0; turn < turns; ++turn) {
        const auto made = run(unrolling, copies, *body, turn, turn + 1 == turns, carried);
        for (std::size_t i = 0; i < carried.size(); ++i) carried[i] = made[1 + i];
        for (std::size_t i = 1 + carried.size(); i < made.size(); ++i) rows[i].push_back(made[i]);
      }
    }
    for (std::size_t i = 0; i < carried.size(); ++i) unrolling.hand_on(i, carried[i]);
    for (std::size_t slot = carried.size(); slot < unrolling.outputs().size(); ++slot) {
      if (!unrolling.wanted(slot)) continue;
      if (turns > 0) {
        unrolling.stack(slot, rows[1 + slot], 0);
      } else {
        const Fact& item = facts_.seen_from(*body, body->outputs()[1 + slot].value);
        std::vector<std::int64_t> dims = *item.numbers();
        dims.insert(dims.begin(), 0);
        unrolling.nothing(slot, item.dtype, std::move(dims));
      }
    }
    unrolling.end();
  }

  static std::vector<std::string> run(Unrolling& unrolling, BodyCopies& copies, const Graph& body,
                                      std::int64_t turn, bool last,
                                      const std::vector<std::string>& carried) {
    const auto read = [&](std::size_t slot) { return is_read(body, body.inputs()[slot].value); };
    std::vector<std::string> inputs{
        read(0) ? unrolling.number(turn, turn_number_dims(body)) : std::string("-"),
        read(1) ? unrolling.truth() : std::string("-")};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    std::vector<std::string> wanted(1 + carried.size());
    for (std::size_t i = 0; last && i < carried.size(); ++i) {
      if (unrolling.wanted(i)) wanted[1 + i] = unrolling.output_name(i);
    }
    return copies.copy(inputs, wanted);
  }

  Model& model_;
  const ModelFacts& facts_;
  Changes& changes_;
  TakenNames taken_;
  UnrollBudget budget_;
};

}  // namespace

Result<bool> unroll_loop(Model& model, const ModelFacts& facts, Changes& changes,
                         std::int64_t max_unroll) {
  if (!has_bodies(model.graph())) return false;
  return LoopUnroller(model, facts, changes, max_unroll).open(model.graph());
}

}  // namespace pot
