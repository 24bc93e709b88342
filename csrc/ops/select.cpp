// Elements chosen by a condition or a position.

#include <algorithm>

#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred where_rule(const NodeFacts& at) {
  const DType dtype = at.in(1).dtype != DType::undefined ? at.in(1).dtype : at.in(2).dtype;
  const ElementRule element = [](std::span<const Expr> in) -> std::optional<Expr> {
    if (in.size() != 3) return std::nullopt;
    if (const auto condition = in[0].number()) return *condition != 0 ? in[1] : in[2];
    return in[1] == in[2] ? std::optional(in[1]) : std::nullopt;
  };
  // A known condition picks from the side that is known; without one both sides have to be.
  const bool partly = elements_of(at.in(0)) != nullptr;
  return elementwise(at, {.dtype = dtype, .element = element, .partly = partly});
}

std::optional<Expr> scalar(const Fact& fact) {
  const Elements elements = elements_of(fact);
  return elements && elements->size() == 1 ? std::optional(elements->front()) : std::nullopt;
}

/// Indices become vectors of `depth` elements along a new axis.
Inferred one_hot(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const DType dtype = at.in(2).dtype;
  if (!in.has_rank()) return std::vector{tensor_fact(dtype)};
  const std::int64_t asked = at.attr_int("axis", -1);
  const auto axis = normalized_axis(asked, in.rank() + 1);
  if (!axis) {
    return contradiction("axis " + std::to_string(asked) + " is outside of rank " +
                         std::to_string(in.rank() + 1));
  }
  const auto depth = scalar(at.in(1));
  Dims dims = *in.dims;
  dims.insert(
      dims.begin() + static_cast<std::ptrdiff_t>(*axis),
      depth && is_whole(*depth) ? as_size(at, *depth) : at.unknown_size("its depth is computed"));
  const auto shape = small_shape(dims);
  const auto numbers = shape ? numbers_of(in) : std::nullopt;
  const Elements values = elements_of(at.in(2));
  if (!numbers || !values || values->size() != 2) {
    return std::vector{tensor_fact(dtype, std::move(dims))};
  }
  const std::int64_t size = (*shape)[*axis];
  const auto old_shape = in.numbers();
  std::vector<std::optional<Expr>> elements;
  for (const Position& to : positions(*shape)) {
    Position from = to;
    from.erase(from.begin() + static_cast<std::ptrdiff_t>(*axis));
    const std::int64_t index = (*numbers)[flat_index(from, *old_shape)];
    const std::int64_t hot = index < 0 ? index + size : index;
    elements.emplace_back((*values)[hot == to[*axis] ? 1 : 0]);
  }
  return std::vector{from_elements(at, dtype, std::move(dims), std::move(elements))};
}

Inferred trilu_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return same_as_input(at);
  if (in.rank() < 2) {
    return contradiction(at.input_label(0) + " has rank " + std::to_string(in.rank()) +
                         ", Trilu takes matrices");
  }
  const auto shape = small_shape(*in.dims);
  const Elements known = shape ? elements_of(in) : nullptr;
  const auto offset = at.has(1) ? scalar(at.in(1)) : std::optional(Expr(0));
  const auto diagonal = offset ? offset->number() : std::nullopt;
  if (!known || !diagonal) return same_as_input(at);
  const bool upper = at.attr_int("upper", 1) != 0;
  std::vector<std::optional<Expr>> elements;
  for (const Position& to : positions(*shape)) {
    const std::int64_t distance = to[in.rank() - 1] - to[in.rank() - 2];
    const bool kept = upper ? distance >= *diagonal : distance <= *diagonal;
    elements.emplace_back(kept ? (*known)[flat_index(to, *shape)] : Expr(0));
  }
  return std::vector{from_elements(at, in.dtype, *in.dims, std::move(elements))};
}

/// Positions of the elements that are not zero; nothing unless it is known of every one.
std::optional<std::vector<Position>> non_zeros(const Fact& in) {
  const auto shape = small_shape(*in.dims);
  const Elements known = shape ? elements_of(in) : nullptr;
  if (!known) return std::nullopt;
  std::vector<Position> out;
  const auto places = positions(*shape);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto zero = Expr::equal((*known)[i], Expr(0));
    if (!zero) return std::nullopt;
    if (!*zero) out.push_back(places[i]);
  }
  return out;
}

/// The one number that fills a tensor of any size, as exporters make ones to count them.
std::optional<Expr> filling_of(const Graph& graph, ValueId id) {
  constexpr int kLongest = 8;  // of a chain that hands the filling on
  for (int i = 0; i < kLongest && id; ++i) {
    if (const TensorRef constant = graph.constant(id)) return scalar(constant_fact(constant));
    const Node* made = graph.find(graph.value(id).producer);
    if (!made) return std::nullopt;
    if (made->is("ConstantOfShape") || made->is("Constant")) {
      const TensorRef value = made->attr_tensor("value");
      if (!value) return made->is("Constant") ? std::nullopt : std::optional(Expr(0));
      return scalar(constant_fact(value));
    }
    const bool repeats = made->is("Expand") || made->is("Tile") || made->is("Identity") ||
                         made->is("Reshape") || made->is("Unsqueeze") || made->is("Squeeze");
    if (!repeats || made->inputs.empty()) return std::nullopt;
    id = made->inputs[0];
  }
  return std::nullopt;
}

Inferred non_zero(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto fresh = [&] { return at.unknown_size("the data decides how many are not zero"); };
  if (!in.has_rank()) return std::vector{tensor_fact(DType::int64, {fresh(), fresh()})};
  // Runtimes treat a scalar as a vector of one element.
  const auto rows = static_cast<std::int64_t>(std::max<std::size_t>(in.rank(), 1));
  const auto found = in.rank() == 0 ? std::nullopt : non_zeros(in);
  if (!found ||
      rows * static_cast<std::int64_t>(found->size()) > static_cast<std::int64_t>(kMostElements)) {
    const auto filling = filling_of(at.graph(), at.node().inputs[0]);
    if (!filling || !filling->constant()) {
      return std::vector{tensor_fact(DType::int64, {rows, fresh()})};
    }
    return std::vector{tensor_fact(DType::int64, {rows, filling->is(0) ? Expr(0) : in.count()})};
  }
  std::vector<Expr> elements;
  for (std::size_t axis = 0; axis < in.rank(); ++axis) {
    for (const Position& position : *found) elements.emplace_back(position[axis]);
  }
  return std::vector{tensor_fact(DType::int64, {rows, static_cast<std::int64_t>(found->size())},
                                 std::move(elements))};
}

/// Y, and where its elements first were, where each went, how often each was.
Inferred unique_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const Expr found = at.unknown_size("the data decides how many are different");
  const Fact counted = tensor_fact(DType::int64, {found});
  const auto asked = at.node().attr_int("axis");
  Fact values = tensor_fact(in.dtype, {found});
  Fact inverse = tensor_fact(DType::int64, {at.unknown_size("of any shape")});
  if (asked && !in.has_rank()) values = tensor_fact(in.dtype);
  if (in.has_rank() && !asked) inverse = tensor_fact(DType::int64, {in.count()});
  if (in.has_rank() && asked) {
    const auto axis = normalized_axis(*asked, in.rank());
    if (!axis) {
      return contradiction("axis " + std::to_string(*asked) + " is outside of rank " +
                           std::to_string(in.rank()));
    }
    values = tensor_fact(in.dtype, *in.dims);
    (*values.dims)[*axis] = found;
    inverse = tensor_fact(DType::int64, {(*in.dims)[*axis]});
  }
  return std::vector{std::move(values), counted, std::move(inverse), counted};
}

Result<Relayout> one_hot_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto rank = known_rank(node, {.output = true});
  if (!rank) return rank.error();
  const auto axis = normal_axis(node, "axis", -1, rank.value());
  if (!axis) return axis.error();
  const Parting parting{.whole = {.output = true}, .rest = {}, .axes = {&axis.value(), 1}};
  auto made = part_layouts(node, operand, layout, parting);
  if (!made) return made.error();
  auto& [layouts, places] = made.value();
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axis", places.front());
  return with_node(std::move(layouts), std::move(drawn));
}

/// The other triangle of the matrices turned about their diagonals.
Result<DrawnNode> turned_triangle(const LayoutNode& node) {
  DrawnNode drawn = redrawn(node);
  const bool upper = node.at().attr_int("upper", 1) != 0;
  put_attribute(drawn, "upper", std::int64_t{upper ? 0 : 1});
  if (!node.at().has(1)) return drawn;
  const auto offset = scalar(node.at().in(1));
  const auto diagonal = offset ? offset->number() : std::nullopt;
  if (!diagonal) return refuse("its diagonal is computed");
  drawn.inputs[1] = int_like(node.at().in(1), -*diagonal);
  return drawn;
}

Result<Relayout> trilu_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  if (layout.rank() < 2) return refuse("it takes matrices");
  const std::size_t rows = layout.rank() - 2;
  const std::array<std::size_t, 2> matrix{rows, rows + 1};
  const auto plain = require_plain(layout, matrix);
  if (!plain) return plain.error();
  if (layout.perm[rows] == rows && layout.perm[rows + 1] == rows + 1) return made;
  if (layout.perm[rows] != rows + 1 || layout.perm[rows + 1] != rows) {
    return refuse("its matrices are the last two axes");
  }
  auto drawn = turned_triangle(node);
  if (!drawn) return drawn.error();
  return with_node(std::move(made).value(), std::move(drawn).value());
}

Result<Relayout> non_zero_layout(const LayoutNode&, Operand, const Layout&) {
  return refuse("it lists positions in the order of its input");
}

/// Slices along the axis are sorted by their elements in order, or, unsorted, come as they were
/// first seen.
Result<Relayout> unique_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (!node.at().node().attr_int("axis")) return refuse("it takes its input for a flat list");
  const std::array<Operand, 2> tensors{Operand{}, Operand{.output = true}};
  if (std::ranges::find(tensors, operand) == tensors.end()) {
    return refuse(operand_label(node, operand) + " is made as it is");
  }
  const auto axis = normal_axis(node, "axis", 0, layout.rank());
  if (!axis) return axis.error();
  const auto plain = require_plain(layout);
  if (!plain) return plain.error();
  const bool sorted = node.at().attr_int("sorted", 1) != 0;
  if (sorted && !layout.perm.without({&axis.value(), 1}).is_identity()) {
    return refuse("the order of the elements counts");
  }
  for (const Operand each : tensors) {
    const auto rank = known_rank(node, each);
    if (!rank) return rank.error();
    if (rank.value() != layout.rank()) return refuse("its ranks do not fit");
  }
  Relayout made = unmoved(node);
  made.inputs[0] = layout;
  made.outputs[0] = layout;
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axis", static_cast<std::int64_t>(layout.perm.place_of(axis.value())));
  return with_node(std::move(made), std::move(drawn));
}

}  // namespace

void register_select(OpTable& table) {
  table.add("Where", {.shape = where_rule, .layout = broadcast_layout});
  table.add("OneHot", {.shape = one_hot, .layout = one_hot_layout});
  table.add("Trilu", {.shape = trilu_rule, .layout = trilu_layout});
  table.add("NonZero", {.shape = non_zero, .layout = non_zero_layout});
  table.add("Unique", {.shape = unique_rule, .layout = unique_layout});
}

}  // namespace pot
