#include "passes/layout_types.h"

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

const ValueFamily::Member* named(const ValueFamily& family, const StoredLayout& stored) {
  for (const ValueFamily::Member& member : family.members) {
    if (member.value == LayoutValue{stored.graph, stored.id}) return &member;
  }
  return nullptr;
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
    std::vector<ValueId> gone;
    for (const ValueInfo& info : graph->value_infos()) {
      const bool known = info.value && known_.contains({graph.get(), info.value});
      if (known && !graph->is_defined(info.value)) gone.push_back(info.value);
    }
    for (const ValueId id : gone) graph->remove_value_info(id);
  }
}

void relay_types(const LayoutNetwork& network, const StoredLayouts& stored) {
  for (const StoredLayout& each : stored.all()) {
    const ValueFamily& family = network.families[each.family];
    const ValueFamily::Member* member = named(family, each);
    const Value& value = each.graph->value(each.id);
    const bool listed = !each.graph->value_infos().empty() && !value.initializer;
    if (!member) {
      if (value.is_output || listed) each.graph->set_type(each.id, inferred(family, each.layout));
      continue;
    }
    const bool declared = value.is_input || value.is_output || value.info_index >= 0;
    const Permutation now = after_transpose(member->perm, each.layout).perm;
    if (!declared || now.is_identity()) continue;
    const TypeRef type = each.graph->type(each.id);
    each.graph->set_type(each.id, relaid(type, now, inferred(family, each.layout)));
  }
}

}  // namespace pot
