#include "ops/shared/agreement.h"

#include <limits>
#include <utility>

namespace pot {

std::optional<Expr> agreed(const Expr& a, const Expr& b) {
  if (a == b) return a;
  if (Expr::equal(a, b) == false) return std::nullopt;
  if (a.is_number() || b.is_number()) return a.is_number() ? a : b;
  return b.writable() && !a.writable() ? b : a;
}

std::string quoted(const NodeFacts& at, std::size_t slot) {
  if (!at.has(slot)) return at.input_label(slot);
  return "'" + std::string(at.graph().value_name(at.node().inputs[slot])) + "'";
}

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

Expr size_of(const NodeFacts& at, std::size_t slot, std::size_t axis) {
  const Fact& fact = at.in(slot);
  if (fact.has_rank()) return (*fact.dims)[axis];
  return at.unknown_size("the shape of " + quoted(at, slot) + " is not known");
}

Status require_rank(const NodeFacts& at, std::size_t slot, std::size_t rank) {
  const Fact& fact = at.in(slot);
  if (!fact.has_rank() || fact.rank() == rank) return ok_status();
  return contradiction(quoted(at, slot) + " has " + counted(fact.rank(), "axis", "axes") +
                       ", but takes " + std::to_string(rank));
}

Status require_size(const NodeFacts& at, std::size_t slot, std::size_t axis, const Expr& size,
                    const std::string& owner) {
  const Fact& fact = at.in(slot);
  if (!fact.has_rank() || axis >= fact.rank() || agreed((*fact.dims)[axis], size)) {
    return ok_status();
  }
  return contradiction(quoted(at, slot) + " is " + (*fact.dims)[axis].text() + " long on axis " +
                       std::to_string(axis) + ", but " + owner);
}

Result<Dims> sizes_from(std::span<const Expr> elements, const std::string& name) {
  for (const Expr& element : elements) {
    const auto most = element.at_most();
    if (most && *most < 0) return contradiction(name + " holds " + element.text());
  }
  return Dims(elements.begin(), elements.end());
}

DType dtype_attribute(const NodeFacts& at, std::string_view name, DType otherwise) {
  const std::int64_t number = at.attr_int(name, 0);
  if (number <= 0 || number > std::numeric_limits<std::int32_t>::max()) return otherwise;
  return DType{static_cast<std::int32_t>(number)};
}

Fact tensor_of(DType dtype, std::optional<Dims> dims) {
  return dims ? tensor_fact(dtype, *std::move(dims)) : tensor_fact(dtype);
}

Fact shaped_like(const Fact& fact) { return without_elements(fact); }

Fact shaped_like(const Fact& fact, DType dtype) { return tensor_of(dtype, fact.dims); }

}  // namespace pot
