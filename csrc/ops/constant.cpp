// Tensors that are made from nothing but sizes and scalars.

#include <algorithm>
#include <cmath>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

template <class T>
TensorRef made(DType dtype, std::vector<std::int64_t> dims, const std::vector<T>& elements) {
  return make_tensor_copy("", dtype, std::move(dims), std::as_bytes(std::span(elements)));
}

Fact strings_fact(Dims dims) { return tensor_fact(DType::string, std::move(dims)); }

Fact of_attribute(const Attribute& attribute) {
  if (const auto* tensor = attribute.get<TensorRef>()) {
    return *tensor ? constant_fact(*tensor) : Fact{};
  }
  if (const auto* sparse = attribute.get<SparseTensorRef>()) {
    if (!*sparse || !(*sparse)->values) return Fact{};
    return tensor_fact((*sparse)->values->dtype(),
                       Dims((*sparse)->dims.begin(), (*sparse)->dims.end()));
  }
  if (const auto* number = attribute.get<std::int64_t>()) {
    return constant_fact(made<std::int64_t>(DType::int64, {}, {*number}));
  }
  if (const auto* number = attribute.get<float>()) {
    return constant_fact(made<float>(DType::float32, {}, {*number}));
  }
  if (const auto* ints = attribute.get<std::vector<std::int64_t>>()) {
    return constant_fact(made(DType::int64, {static_cast<std::int64_t>(ints->size())}, *ints));
  }
  if (const auto* floats = attribute.get<std::vector<float>>()) {
    return constant_fact(
        made(DType::float32, {static_cast<std::int64_t>(floats->size())}, *floats));
  }
  if (const auto* texts = attribute.get<std::vector<std::string>>()) {
    return strings_fact({static_cast<std::int64_t>(texts->size())});
  }
  return attribute.get<std::string>() ? strings_fact({}) : Fact{};
}

Inferred constant_rule(const NodeFacts& at) {
  for (const Attribute& attribute : at.node().attributes) {
    const std::string_view name = attribute.name;
    if (!name.starts_with("value") && name != "sparse_value") continue;
    Fact fact = of_attribute(attribute);
    if (fact.is_tensor()) return std::vector{std::move(fact)};
  }
  return std::vector<Fact>{};
}

/// The one element that fills the output, and its type.
struct Filling {
  DType dtype = DType::float32;
  std::optional<Expr> element = Expr(0);
};

Filling filling_of(const NodeFacts& at) {
  const TensorRef value = at.node().attr_tensor("value");
  if (!value) return {};
  const Elements elements = elements_of(constant_fact(value));
  if (!elements || elements->size() != 1) return {value->dtype(), std::nullopt};
  return {value->dtype(), elements->front()};
}

Inferred constant_of_shape(const NodeFacts& at) {
  const auto [dtype, element] = filling_of(at);
  if (const auto sizes = numbers_of(at.in(0))) {
    for (const std::int64_t size : *sizes) {
      if (size < 0)
        return contradiction(at.input_label(0) + " asks for size " + std::to_string(size));
    }
  }
  auto dims = dims_from(at, at.in(0));
  if (!dims) return std::vector{tensor_fact(dtype)};
  const auto shape = small_shape(*dims);
  if (!shape) return std::vector{tensor_fact(dtype, std::move(*dims))};
  return std::vector{from_elements(at, dtype, std::move(*dims),
                                   std::vector<std::optional<Expr>>(small_count(*shape), element))};
}

/// All elements are the same, wherever they are.
Result<Relayout> constant_of_shape_layout(const LayoutNode& node, Operand operand,
                                          const Layout& layout) {
  if (operand != Operand{.output = true}) return refuse("input 0 lists sizes");
  Relayout made = unmoved(node);
  made.outputs[0] = layout;
  if (layout.perm.is_identity()) return made;
  auto sizes = in_stored_order(node, 0, layout, 1);
  if (!sizes) return sizes.error();
  DrawnNode drawn = redrawn(node);
  drawn.inputs[0] = std::move(sizes).value();
  return with_node(std::move(made), std::move(drawn));
}

Inferred eye_like(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto asked = at.node().attr_int("dtype");
  const DType dtype = asked ? DType{static_cast<std::int32_t>(*asked)} : in.dtype;
  if (!in.has_rank()) return std::vector{tensor_fact(dtype)};
  const auto shape = small_shape(*in.dims);
  if (in.rank() != 2 || !shape) return std::vector{tensor_fact(dtype, *in.dims)};
  std::vector<std::optional<Expr>> elements;
  for (const Position& position : positions(*shape)) {
    elements.emplace_back(position[1] - position[0] == at.attr_int("k", 0) ? 1 : 0);
  }
  return std::vector{from_elements(at, dtype, *in.dims, std::move(elements))};
}

std::optional<Expr> scalar(const Fact& fact) {
  const Elements elements = elements_of(fact);
  if (!elements || elements->size() != 1) return std::nullopt;
  return elements->front();
}

/// In floating point only steps of few binary digits land where exact arithmetic does.
bool counts_exactly(std::span<const Expr> bounds, DType dtype) {
  constexpr std::int64_t kDigits = 256;
  return !is_float(dtype) || std::ranges::all_of(bounds, [](const Expr& each) {
    return is_whole(each * Expr(kDigits));
  });
}

/// How many steps there are when each is rounded: known unless the last one may fall on the limit.
std::optional<Expr> rounded_steps(const Expr& distance, const Expr& delta, DType dtype) {
  const bool narrow = dtype == DType::float16 || dtype == DType::bfloat16;
  const double rounding = narrow ? 1e-2 : 1e-6;  // more than each can be off
  if (!distance.constant() || !delta.constant()) return std::nullopt;
  const double steps = *distance.constant() / *delta.constant();
  const double off = std::abs(steps - std::nearbyint(steps));
  if (off <= rounding * std::max(1.0, std::abs(steps))) return std::nullopt;
  return Expr(std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(steps))));
}

Inferred range_rule(const NodeFacts& at) {
  const DType dtype = common_dtype(at);
  std::vector<Expr> bounds;
  for (std::size_t slot = 0; slot < 3; ++slot) {
    if (auto bound = scalar(at.in(slot))) bounds.push_back(std::move(*bound));
  }
  const auto unknown = [&] {
    return std::vector{tensor_fact(dtype, {at.unknown_size("data decides its length")})};
  };
  if (bounds.size() != 3 || !bounds[2].constant() || bounds[2].is(0)) return unknown();
  const Expr distance = bounds[1] - bounds[0];
  const bool exact = counts_exactly(bounds, dtype);
  const auto length = exact ? std::optional(max(Expr(0), ceil(divide(distance, bounds[2]))))
                            : rounded_steps(distance, bounds[2], dtype);
  if (!length) return unknown();
  const auto count = length->number();
  if (!exact || !count || *count > static_cast<std::int64_t>(kMostElements)) {
    return std::vector{tensor_fact(dtype, {*length})};
  }
  std::vector<std::optional<Expr>> elements;
  for (std::int64_t i = 0; i < *count; ++i) {
    elements.push_back(stored(bounds[0] + bounds[2] * Expr(i), dtype));
  }
  return std::vector{from_elements(at, dtype, {*length}, std::move(elements))};
}

}  // namespace

void register_constant(OpTable& table) {
  table.add("Constant", {.shape = constant_rule});
  table.add("ConstantOfShape", {.shape = constant_of_shape, .layout = constant_of_shape_layout});
  table.add("EyeLike", {.shape = eye_like});
  table.add("Range", {.shape = range_rule});
}

}  // namespace pot
