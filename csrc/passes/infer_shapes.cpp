#include "passes/infer_shapes.h"

#include <algorithm>
#include <utility>

#include "ir/print.h"
#include "ops/shared/op_table.h"
#include "passes/inline_functions.h"

namespace pot {
namespace {

/// Bodies in bodies and functions in functions: deeper than this is no model that someone made.
constexpr std::size_t kDeepest = 64;

using Imports = std::vector<OpsetImport>;

Fact sparse_fact(const SparseTensor& tensor) {
  const DType dtype = tensor.values ? tensor.values->dtype() : DType::undefined;
  return tensor_fact(dtype, Dims(tensor.dims.begin(), tensor.dims.end()));
}

/// Attributes that a function's body takes from its call, in all bodies inside it too.
void bind_all(Graph& graph, const Node& call, const Function& function) {
  const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
  for (const NodeId id : listing) {
    bind_attributes(graph, id, call, function);
    for (const GraphPtr& body : graph.node(id).bodies()) bind_all(*body, call, function);
  }
}

}  // namespace

class ShapeInference {
 public:
  ShapeInference(const Model& model, const Fallback& fallback)
      : model_(model), fallback_(fallback), imports_(&model.opset_imports()) {}

  Result<ModelFacts> run() {
    const Graph& graph = model_.graph();
    auto order = graph.order();
    if (!order) return order.error();
    begin(graph);
    for (const ValueInfo& input : graph.inputs()) {
      if (known(graph, input.value).kind != Fact::Kind::unknown) continue;
      set(graph, input.value,
          fact_of(input.type, "input '" + name(graph, input.value) + "' does not say its size"));
    }
    for (const NodeId id : order.value()) {
      if (auto status = visit(graph, graph.node(id)); !status) {
        made_.contradictions_.push_back({{&graph, id}, status.error().message});
      }
    }
    return std::move(made_);
  }

  /// What is not inferred here has these facts.
  void look_around(const ModelFacts& facts) noexcept { around_ = &facts; }

  NodeFacts facts_at(const Graph& graph, const Node& node) {
    std::vector<Fact> inputs;
    inputs.reserve(node.inputs.size());
    for (const ValueId input : node.inputs) inputs.push_back(known(graph, input));
    return {
        graph, node, imported_version(*imports_, node.domain).value_or(0), std::move(inputs),
        [this](const Graph& body, std::span<const Fact> given) { return infer_body(body, given); }};
  }

 private:
  static std::string name(const Graph& graph, ValueId id) {
    return std::string(graph.value_name(id));
  }

  // Before IR version 4 every initializer had to be an input too; runtimes take it as constant.
  [[nodiscard]] bool overridable(const Value& value) const {
    return value.is_input && model_.ir_version().value_or(0) >= 4;
  }

  void begin(const Graph& graph) {
    auto& kept = made_.facts_[&graph];
    kept.graph = graph.shared_from_this();
    auto& facts = kept.facts;
    facts.assign(graph.value_count(), Fact{});
    for (std::uint32_t i = 0; i < graph.value_count(); ++i) {
      const Value& value = graph.value(ValueId{i});
      if (value.initializer && !overridable(value)) {
        facts[i] = constant_fact(value.initializer);
      } else if (value.sparse_initializer && !overridable(value)) {
        facts[i] = sparse_fact(*value.sparse_initializer);
      }
    }
  }

  void set(const Graph& graph, ValueId id, Fact fact) {
    if (!id) return;  // an input that the file gives no name
    auto& facts = made_.facts_[&graph].facts;
    if (id.index >= facts.size()) facts.resize(graph.value_count());
    facts[id.index] = std::move(fact);
  }

  /// Looks around the body as well.
  const Fact& known(const Graph& graph, ValueId id) const {
    static const Fact unknown;
    if (!id) return unknown;
    const Graph* at = &graph;
    while (at && id && at->is_outer(id)) {
      const std::string_view wanted = at->value_name(id);
      at = at->parent();
      id = at ? at->find_value(wanted) : ValueId{};
    }
    if (!at || !id) return unknown;
    return around_ && !made_.facts_.contains(at) ? around_->of(*at, id) : made_.of(*at, id);
  }

  Status visit(const Graph& graph, const Node& node) {
    const NodeFacts at = facts_at(graph, node);
    named_ = false;
    Inferred made = ask(at);
    if (!made) {
      Error error = made.error();
      if (!named_) error.message = at.label() + ": " + error.message;
      named_ = true;
      return error;
    }
    keep(graph, node, std::move(made.value()));
    return ok_status();
  }

  Inferred ask(const NodeFacts& at) {
    const Node& node = at.node();
    if (const Function* called = model_.find_function(node.domain, node.op_type, node.overload)) {
      return infer_call(at, *called);
    }
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    if (entry && entry->shape) return entry->shape(at);
    made_.without_rule_.push_back({&at.graph(), node.id});
    return fallback_ ? fallback_(at) : std::vector<Fact>{};
  }

  void keep(const Graph& graph, const Node& node, std::vector<Fact> made) {
    made.resize(node.outputs.size());
    for (std::size_t slot = 0; slot < made.size(); ++slot) {
      const ValueId output = node.outputs[slot];
      if (!output) continue;
      Fact& fact = made[slot];
      const bool open = fact.kind == Fact::Kind::unknown ||
                        (fact.is_tensor() && (!fact.dims || fact.dtype == DType::undefined));
      if (open) {
        fact = complete(fact, fact_of(graph.type(output),
                                      node_label(graph, node.id) + ": nothing tells its size"));
      }
      set(graph, output, std::move(fact));
    }
  }

  Inferred infer_body(const Graph& body, std::span<const Fact> inputs) {
    auto order = body.order();
    if (!order) return order.error();
    if (depth_ >= kDeepest) return contradiction("bodies and functions are nested too deep");
    ++depth_;
    Inferred made = infer_in_order(body, inputs, order.value());
    --depth_;
    return made;
  }

  Inferred infer_in_order(const Graph& body, std::span<const Fact> inputs,
                          const std::vector<NodeId>& order) {
    begin(body);
    for (std::size_t slot = 0; slot < body.inputs().size(); ++slot) {
      const ValueInfo& input = body.inputs()[slot];
      const Fact given = slot < inputs.size() ? inputs[slot] : Fact{};
      if (given.kind == Fact::Kind::unknown && known(body, input.value).constant) continue;
      set(body, input.value,
          complete(given, fact_of(input.type, "input '" + name(body, input.value) +
                                                  "' of a body does not say its size")));
    }
    for (const NodeId id : order) {
      if (auto status = visit(body, body.node(id)); !status) return status.error();
    }
    std::vector<Fact> outputs;
    for (const ValueInfo& output : body.outputs()) outputs.push_back(known(body, output.value));
    return outputs;
  }

  /// The body of each call is inferred for itself: its attributes and sizes are the call's.
  Inferred infer_call(const NodeFacts& at, const Function& function) {
    const GraphPtr body = function.body->clone();
    bind_all(*body, at.node(), function);
    const Imports* around = std::exchange(imports_, &function.opset_imports);
    const std::size_t listed = made_.without_rule_.size();
    Inferred made = infer_body(*body, at.inputs());
    imports_ = around;
    forget(*body);
    if (made_.without_rule_.size() > listed) {  // the copy is gone, the call stays
      made_.without_rule_.resize(listed);
      made_.without_rule_.push_back({&at.graph(), at.node().id});
    }
    return made;
  }

  void forget(const Graph& graph) {
    made_.facts_.erase(&graph);
    for (const NodeId id : graph.nodes()) {
      for (const GraphPtr& body : graph.node(id).bodies()) forget(*body);
    }
  }

  const Model& model_;
  const Fallback& fallback_;
  const Imports* imports_;
  const ModelFacts* around_ = nullptr;
  ModelFacts made_;
  std::size_t depth_ = 0;
  bool named_ = false;  // the message of the error under way names its node
};

const Fact& ModelFacts::of(const Graph& graph, ValueId id) const {
  static const Fact unknown;
  const auto found = facts_.find(&graph);
  if (!id || found == facts_.end() || id.index >= found->second.facts.size()) return unknown;
  return found->second.facts[id.index];
}

const Fact& ModelFacts::seen_from(const Graph& graph, ValueId id) const {
  const Graph* at = &graph;
  while (at->parent() && id && at->is_outer(id)) {
    const std::string_view wanted = at->value_name(id);
    at = at->parent();
    id = at->find_value(wanted);
  }
  return of(*at, id);
}

Result<ModelFacts> infer_shapes(const Model& model, const Fallback& fallback) {
  return ShapeInference(model, fallback).run();
}

void visit_node(const Model& model, const ModelFacts& facts, const Graph& graph, NodeId node,
                const std::function<void(const NodeFacts& at)>& visit) {
  const Fallback none;
  ShapeInference inference(model, none);
  inference.look_around(facts);
  visit(inference.facts_at(graph, graph.node(node)));
}

}  // namespace pot
