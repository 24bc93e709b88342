#include "passes/write_types.h"

#include <utility>
#include <vector>

#include "passes/stand_in.h"

namespace pot {
namespace {

/// Says at least the rank, or the kind of what is no tensor.
bool says_something(const TypeRef& type) {
  return type && (!type->is_tensor() || type->shape.has_value());
}

/// A size that only the data decides may have been given a name, which is worth keeping.
TypeRef with_names(const TypeRef& type, const TypeRef& declared) {
  if (!type->is_tensor() || !declared || !declared->is_tensor() || !declared->shape) return type;
  if (declared->shape->rank() != type->shape->rank()) return type;
  std::vector<Dim> dims = type->shape->dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const Dim& old = declared->shape->dims[i];
    const bool open = !dims[i].known() && !dims[i].symbolic();
    if (open && old.symbolic()) dims[i] = old;
    dims[i].denotation = old.denotation;
  }
  return tensor_type(type->dtype(), std::move(dims));
}

void write_outputs(Graph& graph, const ModelFacts& facts) {
  std::vector<std::pair<ValueId, TypeRef>> types;
  for (const ValueInfo& output : graph.outputs()) {
    if (!output.value || graph.value(output.value).is_input) continue;
    const TypeRef type = type_of(facts.of(graph, output.value));
    if (!says_something(type)) continue;
    const TypeRef named = with_names(type, output.type);
    if (type_text(named.get()) != type_text(output.type.get())) {
      types.emplace_back(output.value, named);
    }
  }
  for (const auto& [id, type] : types) graph.set_type(id, type);
}

void write_values(Graph& graph, const ModelFacts& facts) {
  std::vector<std::pair<ValueId, TypeRef>> types;
  for (const NodeId id : graph.nodes()) {
    for (const ValueId output : graph.node(id).outputs) {
      if (!output || graph.value(output).is_output) continue;
      TypeRef type = type_of(facts.of(graph, output));
      if (says_something(type)) types.emplace_back(output, std::move(type));
    }
  }
  graph.set_value_infos(types);
}

}  // namespace

void write_types(Model& model, const ModelFacts& facts, bool everywhere) {
  for (const GraphPtr& graph : graphs_of(model)) {
    if (is_main(*graph)) write_outputs(*graph, facts);
    if (everywhere || !graph->value_infos().empty()) write_values(*graph, facts);
  }
}

}  // namespace pot
