#include "passes/size_substitution.h"

#include <utility>
#include <vector>

namespace pot {

std::optional<Expr> SizeSubstitution::find(const std::string& name) const {
  const auto found = sizes_.find(name);
  return found == sizes_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Dim> SizeSubstitution::of(const Dim& dim) const {
  if (!dim.symbol() || dim.symbol()->empty()) return std::nullopt;
  const Expr before = Expr::parse(*dim.symbol());
  const Expr after = before.substitute([this](const std::string& name) { return find(name); });
  if (after == before) return std::nullopt;
  return as_dim(dim, after);
}

Dim SizeSubstitution::as_dim(const Dim& like, const Expr& size) {
  Dim out = like;
  out.value = std::monostate{};
  if (const auto number = size.number()) {
    if (*number >= 0) out.value = *number;
  } else if (size.writable()) {
    out.value = size.text();
  }
  return out;
}

TypeRef SizeSubstitution::of(const TypeRef& type) const {
  if (!type) return nullptr;
  Type changed = *type;
  bool any = false;
  if (changed.inner) {
    if (TypeRef inner = of(changed.inner)) {
      changed.inner = std::move(inner);
      any = true;
    }
  }
  for (std::size_t axis = 0; changed.shape && axis < changed.shape->dims.size(); ++axis) {
    auto size = of(changed.shape->dims[axis]);
    if (!size) continue;
    changed.shape->dims[axis] = *std::move(size);
    any = true;
  }
  if (!any) return nullptr;
  changed.source.reset();
  return std::make_shared<const Type>(std::move(changed));
}

void substitute(Graph& graph, const SizeSubstitution& with) {
  std::vector<std::pair<ValueId, TypeRef>> changed;
  for (const auto list : {graph.inputs(), graph.outputs(), graph.value_infos()}) {
    for (const ValueInfo& info : list) {
      if (TypeRef type = with.of(info.type)) changed.emplace_back(info.value, std::move(type));
    }
  }
  for (auto& [value, type] : changed) graph.set_type(value, std::move(type));
}

}  // namespace pot
