#include "passes/layout/relayout_node.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "ops/shared/op_table.h"
#include "passes/layout/channels_last.h"
#include "passes/layout/draw_node.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

Error request(std::string message) {
  return {.kind = Error::Kind::request, .message = std::move(message)};
}

/// What is wrong with the answer itself; "" when nothing is.
std::string broken(const LayoutNode& node, Operand operand, const Layout& layout,
                   const Relayout& answer) {
  if (answer.inputs.size() != node.at().input_count() ||
      answer.outputs.size() != node.at().output_count()) {
    return "it gives " + std::to_string(answer.inputs.size()) + " layouts of inputs and " +
           std::to_string(answer.outputs.size()) + " of outputs";
  }
  const auto& asked = (operand.output ? answer.outputs : answer.inputs)[operand.slot];
  if (asked != layout) return "it stores the operand as " + asked.text();
  for (const bool output : {false, true}) {
    const auto& layouts = output ? answer.outputs : answer.inputs;
    for (std::size_t slot = 0; slot < layouts.size(); ++slot) {
      const auto rank = node.rank({output, slot});
      if (layouts[slot].rank() != rank.value_or(layouts[slot].rank())) {
        return std::string(output ? "output " : "input ") + std::to_string(slot) + " has rank " +
               std::to_string(*rank) + ", its layout " + layouts[slot].text();
      }
    }
  }
  return "";
}

Result<Relayout> ask(const LayoutNode& node, Operand operand, const Layout& layout) {
  const Node& own = node.at().node();
  const std::size_t slots = operand.output ? own.outputs.size() : own.inputs.size();
  const auto rank = node.rank(operand);
  if (operand.slot >= slots) return request(node.at().label() + " has no such operand");
  if (!rank) return request("the rank of the operand is not known");
  if (layout.rank() != *rank || layout.is_identity()) {
    return request("the operand has rank " + std::to_string(*rank) +
                   ": it cannot be asked for as " + layout.text());
  }
  if (own.outputs.empty()) return refuse("it makes nothing");
  const OpEntry* entry = op_table().find(own.domain, own.op_type);
  if (!entry || !entry->layout) return refuse(own.op_type.value + " has no layout rule");
  auto answer = entry->layout(node, operand, layout);
  if (!answer) return answer;
  const std::string wrong = broken(node, operand, layout, answer.value());
  if (!wrong.empty()) return Error{.message = "the rule of " + own.op_type.value + ": " + wrong};
  return answer;
}

Result<Relayout> ask_for_call(const LayoutNode& node, FilterLayout filters) {
  const Node& own = node.at().node();
  const OpEntry* entry = op_table().find(own.domain, own.op_type);
  if (!entry || !entry->channels_last) {
    return refuse(own.op_type.value + " has no channels-last function");
  }
  return entry->channels_last(node, filters);
}

/// What an answer needs of the model that it is drawn in.
using Prepare = std::function<Status(Model& model, Relayout& answer)>;

/// The node in a model of its own.
class Builder {
 public:
  Builder(const LayoutNode& node, Relayout answer)
      : node_(node), answer_(std::move(answer)), graph_((made_.model = start(node))->graph()) {}

  Result<RelaidNode> build(const Prepare& prepare) {
    if (auto prepared = prepare(*made_.model, answer_); !prepared) return prepared.error();
    const Graph& around = node_.at().graph();
    const NodeId id = graph_.adopt(around, node_.at().node().id);
    std::vector<ValueId> inputs;
    for (std::size_t slot = 0; slot < node_.at().input_count(); ++slot) {
      auto value = input(slot);
      if (!value) return value.error();
      inputs.push_back(value.value());
    }
    const std::vector<ValueId> outputs = graph_.node(id).outputs;
    if (auto drawn = draw_node(graph_, id, answer_, inputs); !drawn) return drawn.error();
    for (std::size_t slot = 0; slot < outputs.size(); ++slot) output(outputs[slot], slot);
    drop_unread();
    return std::move(made_);
  }

 private:
  static ModelPtr start(const LayoutNode& node) { return node.at().graph().model()->empty_like(); }

  Result<ValueId> input(std::size_t slot) {
    made_.inputs.emplace_back();
    if (!node_.at().has(slot)) return ValueId{};
    const Graph& around = node_.at().graph();
    const ValueId value = node_.at().node().inputs[slot];
    const Layout& layout = answer_.inputs[slot];
    const auto [known, is_new] = stored_.try_emplace({value.index, layout}, "");
    if (is_new) {
      const std::string own(around.value_name(value));
      known->second = named_.insert(own).second ? own : graph_.fresh_name(own);
      if (auto put = store(known->second, slot, layout); !put) return put.error();
    }
    made_.inputs.back() = RelaidNode::Stored{known->second, layout};
    return graph_.intern(known->second);
  }

  Status store(const std::string& name, std::size_t slot, const Layout& layout) {
    const Fact& fact = node_.at().in(slot);
    if (!fact.constant) {
      graph_.add_input(graph_.intern(name), type_of(stored(fact, layout)));
      return ok_status();
    }
    if (layout.is_identity()) {
      graph_.set_initializer(fact.constant->renamed(name));
      return ok_status();
    }
    const auto tensor = relaid(*fact.constant, layout, name);
    if (!tensor) return tensor.error();
    graph_.set_initializer(tensor.value());
    return ok_status();
  }

  static Fact stored(const Fact& fact, const Layout& layout) {
    Fact out = without_elements(fact);
    if (fact.has_rank()) out.dims = stored_dims(layout, *fact.dims);
    return out;
  }

  void output(ValueId value, std::size_t slot) {
    made_.outputs.emplace_back();
    if (!value) return;
    const Layout& layout = answer_.outputs[slot];
    graph_.add_output(value, type_of(stored(node_.out(slot), layout)));
    made_.outputs.back() = RelaidNode::Stored{std::string(graph_.value_name(value)), layout};
  }

  /// Inputs and constants that the redrawn node does without.
  void drop_unread() {
    const std::vector<bool> read = read_values(graph_);
    for (std::uint32_t i = 0; i < read.size(); ++i) {
      if (read[i]) continue;
      if (graph_.value(ValueId{i}).initializer) graph_.remove_initializer(ValueId{i});
      if (graph_.value(ValueId{i}).is_input) graph_.remove_input(ValueId{i});
    }
    for (auto& input : made_.inputs) {
      if (input && !graph_.is_defined(graph_.find_value(input->name))) input.reset();
    }
  }

  const LayoutNode& node_;
  Relayout answer_;
  RelaidNode made_;
  Graph& graph_;
  std::map<std::pair<std::uint32_t, Layout>, std::string> stored_;
  std::set<std::string> named_;
};

/// Draws what `answer` says of a node of the main graph, once `prepare` has seen the model.
Result<RelaidNode> node_by(const Model& model, NodeId node, const Fallback& fallback,
                           const std::function<Result<Relayout>(const LayoutNode&)>& answer,
                           const Prepare& prepare) {
  const auto facts = infer_shapes(model, fallback);
  if (!facts) return facts.error();
  std::vector<Fact> outputs;
  for (const ValueId output : model.graph().node(node).outputs) {
    outputs.push_back(output ? facts.value().of(model.graph(), output) : Fact{});
  }
  Result<RelaidNode> made = Error{};
  visit_node(model, facts.value(), model.graph(), node, [&](const NodeFacts& at) {
    const LayoutNode seen(at, outputs);
    auto answered = answer(seen);
    made = answered ? Builder(seen, std::move(answered).value()).build(prepare)
                    : Result<RelaidNode>(answered.error());
  });
  return made;
}

}  // namespace

Result<RelaidNode> relayout_node(const Model& model, NodeId node, Operand operand,
                                 const Layout& layout, const Fallback& fallback) {
  return node_by(
      model, node, fallback, [&](const LayoutNode& seen) { return ask(seen, operand, layout); },
      [](Model&, Relayout&) { return ok_status(); });
}

Result<RelaidNode> channels_last_node(const Model& model, NodeId node, FilterLayout filters,
                                      const std::string& domain, const Fallback& fallback) {
  return node_by(
      model, node, fallback, [&](const LayoutNode& seen) { return ask_for_call(seen, filters); },
      [&](Model& made, Relayout& answer) -> Status {
        const Node& original = model.graph().node(node);
        const auto added = add_channels_last_function(made, original, answer, domain);
        if (!added) return added.error();
        answer.nodes.back().domain = domain;
        return ok_status();
      });
}

}  // namespace pot
