#include "passes/layout/layout_types.h"

#include <algorithm>
#include <map>

#include "passes/stand_in.h"

namespace pot {
namespace {

TypeRef inferred(const ValueFamily& family, const Layout& layout) {
  return type_of(tensor_fact(family.dtype, stored_dims(layout, family.dims)));
}

/// A declared shape of another rank says nothing.
TypeRef relaid(const TypeRef& type, const Permutation& perm, const TypeRef& otherwise) {
  if (!type || !type->is_tensor() || !type->shape) return type;
  if (type->shape->rank() != perm.rank()) return otherwise;
  auto made = std::make_shared<Type>(*type);
  made->source.reset();
  made->shape->dims = perm.apply(type->shape->dims);
  return made;
}

/// What a name holds from now on.
struct Held {
  std::size_t family = 0;
  Layout layout;
};
using HeldBy = std::map<std::pair<Graph*, ValueId>, Held>;

void declare(const ValueFamily& family, Graph& graph, ValueId id, const Layout& layout) {
  const auto member =
      std::ranges::find(family.members, LayoutValue{&graph, id}, &ValueFamily::Member::value);
  const Value& value = graph.value(id);
  const bool listed = !graph.value_infos().empty() && !value.initializer;
  if (member == family.members.end()) {
    if (value.is_output || listed) graph.set_type(id, inferred(family, layout));
    return;
  }
  const bool declared = value.is_input || value.is_output || value.info_index >= 0;
  const Permutation now = after_transpose(member->perm, layout).perm;
  if (!declared || now.is_identity()) return;
  graph.set_type(id, relaid(graph.type(id), now, inferred(family, layout)));
}

}  // namespace

DeclaredValues::DeclaredValues(const Model& model) {
  for (const GraphPtr& graph : graphs_of(model)) {
    for (const ValueInfo& info : graph->value_infos()) {
      if (info.value && graph->is_defined(info.value)) known_.emplace(graph.get(), info.value);
    }
  }
}

void DeclaredValues::forget_gone(Model& model) const {
  for (const GraphPtr& graph : graphs_of(model)) {
    std::vector<std::pair<ValueId, TypeRef>> left;
    for (const ValueInfo& info : graph->value_infos()) {
      const bool known = info.value && known_.contains({graph.get(), info.value});
      const bool gone = known && !graph->is_defined(info.value);
      if (!gone && info.value && info.type) left.emplace_back(info.value, info.type);
    }
    if (left.size() != graph->value_infos().size()) graph->set_value_infos(left);
  }
}

void relay_types(const LayoutNetwork& network, const LayoutReaders& readers,
                 const StoredLayouts& stored) {
  HeldBy held;
  for (const StoredLayout& each : stored.all()) {
    held.try_emplace({each.graph, each.id}, Held{each.family, each.layout});
  }
  // What an Identity makes.
  for (const LayoutReaders::Output& output : readers.outputs) {
    const ValueId id = output.graph->outputs()[output.slot].value;
    held.try_emplace({output.graph, id}, Held{output.family, output.layout});
  }
  for (const auto& [at, what] : held) {
    declare(network.families[what.family], *at.first, at.second, what.layout);
  }
}

}  // namespace pot
