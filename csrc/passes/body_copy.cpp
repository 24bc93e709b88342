#include "passes/body_copy.h"

#include <algorithm>
#include <cassert>
#include <unordered_set>

#include "ops/shared/op_table.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

bool in_inputs(const Graph& graph, std::string_view name) {
  const ValueId id = graph.find_value(name);
  return id && graph.value(id).is_input;
}

/// The same result whenever it runs, whatever the turn.
bool is_pure(const Node& node) {
  if (node.has_bodies()) return false;
  if (node.is("Constant")) return true;
  const OpEntry* entry = op_table().find(node.domain, node.op_type);
  // What makes a sequence stays with what reads it: the last copy may make an output of the graph.
  return entry && !entry->traits.random && !entry->traits.non_tensor && !node.is("Dropout");
}

/// What a declared type says whatever the run: names of sizes may stand for others in each.
TypeRef without_names(const TypeRef& type) {
  if (!type || !type->is_tensor() || !type->shape) return type;
  std::vector<Dim> dims = type->shape->dims;
  for (Dim& dim : dims) {
    if (dim.symbolic()) dim = Dim();
  }
  return tensor_type(type->dtype(), std::move(dims));
}

}  // namespace

TakenNames::TakenNames(const Model& model) { add(model.graph(), 1); }

void TakenNames::add(const Graph& graph, int times) {
  for (std::uint32_t i = 0; i < graph.value_count(); ++i) {
    if (graph.is_defined(ValueId{i})) values_[graph.value(ValueId{i}).name] += times;
  }
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!node.name.empty()) nodes_[node.name.value] += times;
    if (!node.has_bodies()) continue;
    for (const GraphPtr& body : node.bodies()) add(*body, times);
  }
}

std::string TakenNames::unique(Counts& counts, const std::string& base, std::int64_t number) {
  std::string name = base;
  for (; name.empty() || counts[name] > 0; ++number) name = base + "_" + std::to_string(number);
  ++counts[name];
  return name;
}

std::string TakenNames::value(const std::string& base, std::int64_t number) {
  return unique(values_, base, number);
}

std::string TakenNames::node(const std::string& base, std::int64_t number) {
  return unique(nodes_, base, number);
}

BodyCopies::BodyCopies(Graph& around, NodeId owner, GraphPtr body, TakenNames& taken, bool once)
    : graph_(around),
      owner_(owner),
      body_(std::move(body)),
      taken_(taken),
      once_(once),
      number_(once ? 1 : 0) {
  taken_.release(*body_);
  auto order = body_->order();
  per_copy_ = order ? std::move(order).value()
                    : std::vector<NodeId>(body_->nodes().begin(), body_->nodes().end());
  hoist_initializers();
  if (once_) return;
  const std::vector<NodeId> shared = invariant_nodes();
  for (const NodeId id : shared) adopt(id, shared_);
  std::erase_if(per_copy_, [&](NodeId id) { return std::ranges::count(shared, id) != 0; });
}

void BodyCopies::hoist_initializers() {
  for (const TensorRef& tensor : body_->initializers()) {
    const std::string& name = tensor->name.value;
    if (in_inputs(*body_, name)) continue;  // what the body is given counts
    shared_.emplace(name, taken_.value(name));
    graph_.set_initializer(tensor->renamed(shared_.at(name)));
  }
}

std::vector<NodeId> BodyCopies::invariant_nodes() const {
  std::unordered_set<ValueId> same;
  const auto is_same = [&](ValueId id) {
    if (!id) return true;
    const Value& value = body_->value(id);
    if (value.is_input) return false;
    return body_->is_outer(id) || value.initializer || same.contains(id);
  };
  std::vector<NodeId> out;
  for (const NodeId id : per_copy_) {
    const Node& node = body_->node(id);
    if (!is_pure(node) || !std::ranges::all_of(node.inputs, is_same)) continue;
    same.insert(node.outputs.begin(), node.outputs.end());
    out.push_back(id);
  }
  return out;
}

void BodyCopies::adopt(NodeId id, RenameMap& names) {
  const Node& from = body_->node(id);
  for (const ValueId output : from.outputs) {
    const std::string name(body_->value_name(output));
    if (name.empty() || names.contains(name)) continue;
    names.emplace(name, taken_.value(name, number_));
  }
  const NodeId added = graph_.adopt(*body_, id, names, owner_);
  settle(graph_, added);
  declare(from, graph_.node(added));
}

/// Names of a node that was just copied, and of all that is inside it.
void BodyCopies::settle(Graph& graph, NodeId id) {
  if (const std::string& name = graph.node(id).name.value; !name.empty()) {
    graph.set_node_name(id, taken_.node(name, number_));
  }
  for (const GraphPtr& body : graph.node(id).bodies()) {
    const std::vector<NodeId> listing(body->nodes().begin(), body->nodes().end());
    for (const NodeId inner : listing) settle(*body, inner);
    for (std::uint32_t i = 0; i < body->value_count(); ++i) {
      const ValueId value{i};
      if (!body->is_defined(value)) continue;
      const std::string name = body->value(value).name;
      while (!body->rename_value(value, taken_.value(name, number_))) {
        // a name that the body knows and no longer uses: the next one
      }
    }
  }
}

/// Nothing else tells the types that an operator without a rule makes.
void BodyCopies::declare(const Node& from, const Node& to) {
  const OpEntry* entry = op_table().find(from.domain, from.op_type);
  if (entry && entry->shape) return;
  for (std::size_t slot = 0; slot < from.outputs.size(); ++slot) {
    const ValueId value = to.outputs[slot];
    if (!value || graph_.type(value)) continue;
    const TypeRef type = body_->type(from.outputs[slot]);
    if (type) graph_.set_type(value, once_ ? type : without_names(type));
  }
}

std::vector<std::string> BodyCopies::copy(const std::vector<std::string>& inputs,
                                          const std::vector<std::string>& wanted) {
  RenameMap names = shared_;
  for (std::size_t i = 0; i < body_->inputs().size() && i < inputs.size(); ++i) {
    names.insert_or_assign(std::string(body_->value_name(body_->inputs()[i].value)), inputs[i]);
  }
  const auto outputs = body_->outputs();
  for (std::size_t i = 0; i < outputs.size() && i < wanted.size(); ++i) {
    const bool made = outputs[i].value && body_->value(outputs[i].value).producer;
    if (made && !wanted[i].empty()) {
      names.emplace(std::string(body_->value_name(outputs[i].value)), wanted[i]);
    }
  }
  for (const NodeId id : per_copy_) adopt(id, names);
  ++number_;
  std::vector<std::string> out;
  for (const ValueInfo& output : outputs) {
    const std::string name(body_->value_name(output.value));
    const auto found = names.find(name);
    out.push_back(found == names.end() ? name : found->second);
  }
  return out;
}

void hand_on(Graph& graph, NodeId owner, ValueId output, const std::string& source,
             TakenNames& taken, Changes& changes) {
  const std::string name(graph.value_name(output));
  const ValueId from = graph.intern(source);
  if (!graph.value(output).is_output) {
    graph.replace_uses(output, from);
    if (is_main(graph)) changes.replaced(name, source);
    return;
  }
  Node same;
  same.op_type = Text("Identity");
  same.name = Text(taken.node(name + "/Identity"));
  same.inputs.push_back(from);
  same.outputs.push_back(output);
  graph.add_node(std::move(same), owner);
}

bool may_hand_on(const Graph& graph, ValueId output, const Type* type) {
  if (!output || !graph.value(output).is_output || !type) return true;
  constexpr std::int64_t kSequences = 14;
  constexpr std::int64_t kOptionals = 16;
  const std::int64_t opset = graph.opset().value_or(0);
  if (type->kind == Type::Kind::sequence) return opset >= kSequences;
  if (type->kind == Type::Kind::optional) return opset >= kOptionals;
  return true;
}

bool makes_alone(const Graph& body, std::size_t slot) {
  const ValueId made = body.outputs()[slot].value;
  if (!made || !body.value(made).producer) return false;
  const auto before = body.outputs().first(slot);
  return std::ranges::find(before, made, &ValueInfo::value) == before.end();
}

bool has_bodies(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](NodeId id) { return graph.node(id).has_bodies(); });
}

std::size_t count_nodes(const Graph& graph) {
  std::size_t count = 0;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    ++count;
    if (!node.has_bodies()) continue;
    for (const GraphPtr& body : node.bodies()) count += count_nodes(*body);
  }
  return count;
}

GraphPtr body_of(const Node& node, std::string_view attribute) {
  const Attribute* found = node.attribute(attribute);
  const GraphPtr* body = found ? found->get<GraphPtr>() : nullptr;
  return body ? *body : nullptr;
}

std::string_view why_not_copied(const Graph& body, bool once) {
  if (!body.sparse_initializers().empty()) return "its body has sparse initializers";
  const auto unnamed = [](const ValueInfo& info) { return !info.value; };
  if (std::ranges::any_of(body.inputs(), unnamed) || std::ranges::any_of(body.outputs(), unnamed)) {
    return "its body has an input or output without a name";
  }
  for (const NodeId id : body.nodes()) {
    const Node& node = body.node(id);
    // One node with a seed goes on drawing; copies of it would all draw the same.
    if (!once && node.is_standard() && node.attribute("seed")) {
      return "its body draws random numbers from a seed, others in each turn";
    }
    if (!node.has_bodies()) continue;
    for (const GraphPtr& inner : node.bodies()) {
      if (const auto why = why_not_copied(*inner, once); !why.empty()) return why;
    }
  }
  return {};
}

}  // namespace pot
