#include "passes/stand_in.h"

#include <algorithm>

namespace pot {
namespace {

void drop_output(Graph& graph, NodeId node, ValueId value) {
  std::vector<ValueId> outputs = graph.node(node).outputs;
  std::ranges::replace(outputs, value, ValueId{});
  graph.set_outputs(node, std::move(outputs));
}

/// The node that makes `to` can make it under the name of an output instead.
bool can_be_renamed(const Graph& graph, ValueId to) {
  const Value& value = graph.value(to);
  return value.producer && !value.is_output && !value.is_input && value.definitions == 1;
}

void collect(const GraphPtr& graph, std::vector<GraphPtr>& out) {
  out.push_back(graph);
  for (const NodeId id : graph->nodes()) {
    const Node& node = graph->node(id);
    if (!node.has_bodies()) continue;
    for (const GraphPtr& body : node.bodies()) collect(body, out);
  }
}

}  // namespace

bool stand_in(Graph& graph, ValueId from, ValueId to, Changes& changes) {
  if (from == to) return false;
  const Value& value = graph.value(from);
  const NodeId maker = value.producer;
  if (!value.is_output) {
    graph.replace_uses(from, to);
    if (is_main(graph)) changes.replaced(graph.value_name(from), graph.value_name(to));
    return true;
  }
  if (can_be_renamed(graph, to) && graph.value(to).producer != maker) {
    const NodeId source = graph.value(to).producer;
    drop_output(graph, maker, from);
    std::vector<ValueId> outputs = graph.node(source).outputs;
    std::ranges::replace(outputs, to, from);
    graph.set_outputs(source, std::move(outputs));
    graph.replace_uses(to, from);
    if (is_main(graph)) changes.replaced(graph.value_name(to), graph.value_name(from));
    return true;
  }
  const bool read = !graph.uses(from).empty();
  if (read) graph.replace_uses(from, to);
  const Node& node = graph.node(maker);
  if (node.is("Identity") && node.inputs.size() == 1 && node.inputs[0] == to) return read;
  if (node.outputs.size() > 1 && std::ranges::count(node.outputs, ValueId{}) + 1 !=
                                     static_cast<std::ptrdiff_t>(node.outputs.size())) {
    return read;
  }
  make_identity(graph, maker, to);
  return true;
}

void make_constant(Graph& graph, ValueId value, const TensorRef& tensor) {
  const std::string name(graph.value_name(value));
  const NodeId maker = graph.value(value).producer;
  if (!graph.value(value).is_output) {
    drop_output(graph, maker, value);
    graph.set_initializer(tensor->renamed(name));
    return;
  }
  const ValueId constant =
      graph.set_initializer(tensor->renamed(graph.fresh_name(name + "_value")));
  graph.replace_uses(value, constant);
  const std::vector<ValueId> outputs = graph.node(maker).outputs;
  const auto others = [&](ValueId id) { return id && id != value; };
  if (std::ranges::none_of(outputs, others)) {
    make_identity(graph, maker, constant);
    return;
  }
  drop_output(graph, maker, value);
  Node same;
  same.op_type = Text("Identity");
  same.name = Text(name + "_value");
  same.inputs.push_back(constant);
  same.outputs.push_back(value);
  graph.add_node(std::move(same));
}

void make_identity(Graph& graph, NodeId node, ValueId source) {
  std::vector<std::string> names;
  for (const Attribute& each : graph.node(node).attributes) names.push_back(each.name.value);
  for (const std::string& name : names) graph.remove_attribute(node, name);
  std::vector<ValueId> outputs = graph.node(node).outputs;
  std::erase(outputs, ValueId{});
  outputs.resize(1);
  graph.set_outputs(node, std::move(outputs));
  graph.set_inputs(node, {source});
  graph.set_op_type(node, "Identity", "");
}

TensorRef constant_of(const Graph& graph, ValueId id) {
  if (!id) return nullptr;
  const Model* model = graph.model();
  return graph.constant(id, model && model->ir_version().value_or(0) < 4);
}

std::vector<GraphPtr> graphs_of(const Model& model) {
  std::vector<GraphPtr> out;
  collect(model.graph_ptr(), out);
  return out;
}

bool is_main(const Graph& graph) noexcept { return !graph.parent() && !graph.function(); }

bool is_read(const Graph& graph, ValueId id) {
  return graph.value(id).is_output || !graph.uses(id).empty();
}

std::vector<bool> read_values(const Graph& graph) {
  for (const NodeId id : graph.nodes()) (void)graph.captures(id);  // may add names to the table
  std::vector<bool> read(graph.value_count(), false);
  for (const NodeId id : graph.nodes()) {
    for (const ValueId input : graph.node(id).inputs) {
      if (input) read[input.index] = true;
    }
    for (const ValueId captured : graph.captures(id)) read[captured.index] = true;
  }
  for (const ValueInfo& output : graph.outputs()) {
    if (output.value) read[output.value.index] = true;
  }
  return read;
}

}  // namespace pot
