// Optional, and what reads one.

#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Items of an optional: what it holds, or none. Null where it is not known whether it is empty.
std::shared_ptr<const std::vector<Fact>> only(std::vector<Fact> items) {
  return std::make_shared<const std::vector<Fact>>(std::move(items));
}

Inferred infer_optional(const NodeFacts& at) {
  Fact out;
  out.kind = Fact::Kind::optional;
  if (at.has(0)) {
    out.inner = std::make_shared<const Fact>(without_elements(at.in(0)));
    out.items = only({at.in(0)});
    return std::vector<Fact>{out};
  }
  const Attribute* type = at.node().attribute("type");
  const TypeRef* declared = type ? type->get<TypeRef>() : nullptr;
  if (declared && *declared) {
    out.inner = std::make_shared<const Fact>(fact_of(*declared, at.label() + ": it is empty"));
  }
  out.items = only({});
  return std::vector<Fact>{out};
}

Inferred infer_get_element(const NodeFacts& at) {
  const Fact& input = at.in(0);
  if (input.kind != Fact::Kind::optional) return std::vector<Fact>{input};
  if (input.items && input.items->empty()) return contradiction("the optional holds nothing");
  if (input.items) return std::vector<Fact>{input.items->front()};
  return std::vector<Fact>{input.inner ? *input.inner : Fact{}};
}

Inferred infer_has_element(const NodeFacts& at) {
  const Fact& input = at.in(0);
  const std::vector<std::int64_t> scalar;
  const auto known = [&](bool has) {
    return std::vector<Fact>{tensor_fact(DType::boolean, scalar, {Expr(has ? 1 : 0)})};
  };
  if (!at.has(0)) return known(false);
  if (input.kind == Fact::Kind::tensor || input.kind == Fact::Kind::sequence) return known(true);
  if (input.items) return known(!input.items->empty());
  return std::vector<Fact>{tensor_fact(DType::boolean, Dims{})};
}

}  // namespace

void register_optional(OpTable& table) {
  table.add("Optional", {.traits = {.non_tensor = true}, .shape = infer_optional});
  table.add("OptionalGetElement", {.shape = infer_get_element});
  table.add("OptionalHasElement", {.shape = infer_has_element});
}

}  // namespace pot
