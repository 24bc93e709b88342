// Scattered updates; they are summed when `reduction` says so.

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"
#include "ops/shared/tuple_layout.h"

namespace pot {
namespace {

/// The elements of a small input, of which all indices are known. Null elements: not so.
struct Scattering {
  std::vector<std::int64_t> shape;
  std::vector<Expr> elements;
  Elements indices;
  std::vector<std::int64_t> index_shape;
  Elements updates;
  std::vector<std::int64_t> update_shape;
};

std::optional<Scattering> known_scattering(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank() || !at.in(1).has_rank() || !at.in(2).has_rank()) return std::nullopt;
  if (at.attr_string("reduction", "none") != "none") return std::nullopt;
  const auto shape = small_shape(*in.dims);
  const auto index_shape = small_shape(*at.in(1).dims);
  const auto update_shape = small_shape(*at.in(2).dims);
  if (!shape || !index_shape || !update_shape || !numbers_of(at.in(1))) return std::nullopt;
  const Elements elements = elements_of(in);
  const Elements updates = elements_of(at.in(2));
  if (!elements || !updates) return std::nullopt;
  return Scattering{*shape, *elements, elements_of(at.in(1)), *index_shape, updates, *update_shape};
}

std::int64_t from_end(std::int64_t index, std::int64_t size) {
  return index < 0 ? index + size : index;
}

bool put(Scattering& into, const Position& to, const Expr& update) {
  if (to.size() != into.shape.size()) return false;
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    if (to[axis] < 0 || to[axis] >= into.shape[axis]) return false;
  }
  into.elements[flat_index(to, into.shape)] = update;
  return true;
}

bool scatter_along(Scattering& into, std::size_t axis) {
  if (into.update_shape != into.index_shape) return false;
  const auto places = positions(into.index_shape);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Position to = places[i];
    if (axis >= to.size() || to.size() != into.shape.size()) return false;
    to[axis] = from_end(*(*into.indices)[i].number(), into.shape[axis]);
    if (!put(into, to, (*into.updates)[i])) return false;
  }
  return true;
}

/// Where an update of ScatterND goes: the index tuple, then the rest of its own position.
std::optional<Position> target_of(const Scattering& into, const Position& from) {
  const auto lead = static_cast<std::ptrdiff_t>(into.index_shape.size()) - 1;
  if (static_cast<std::ptrdiff_t>(from.size()) < lead) return std::nullopt;
  Position to;
  for (std::int64_t i = 0; i < into.index_shape.back(); ++i) {
    Position at_index(from.begin(), from.begin() + lead);
    at_index.push_back(i);
    if (to.size() >= into.shape.size()) return std::nullopt;
    const auto flat = flat_index(at_index, into.index_shape);
    to.push_back(from_end(*(*into.indices)[flat].number(), into.shape[to.size()]));
  }
  to.insert(to.end(), from.begin() + lead, from.end());
  return to;
}

bool scatter_tuples(Scattering& into) {
  if (into.index_shape.empty()) return false;
  const auto places = positions(into.update_shape);
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t axis = 0; axis + 1 < into.index_shape.size(); ++axis) {
      if (axis >= places[i].size() || places[i][axis] >= into.index_shape[axis]) return false;
    }
    const auto to = target_of(into, places[i]);
    if (!to || !put(into, *to, (*into.updates)[i])) return false;
  }
  return true;
}

Fact scattered(const NodeFacts& at, const Scattering& all) {
  return tensor_fact(at.in(0).dtype, all.shape, all.elements);
}

Inferred scatter_elements(const NodeFacts& at) {
  auto all = known_scattering(at);
  if (!all) return same_as_input(at);
  const auto axis = normalized_axis(at.attr_int("axis", 0), all->shape.size());
  if (!axis || !scatter_along(*all, *axis)) return same_as_input(at);
  return std::vector{scattered(at, *all)};
}

Inferred scatter_nd(const NodeFacts& at) {
  auto all = known_scattering(at);
  if (!all || !scatter_tuples(*all)) return same_as_input(at);
  return std::vector{scattered(at, *all)};
}

Result<Relayout> scatter_elements_layout(const LayoutNode& node, Operand operand,
                                         const Layout& layout) {
  constexpr std::array<std::size_t, 3> kTensors{0, 1, 2};
  return along_axis(node, operand, layout, kTensors, 0);
}

Result<Relayout> scatter_nd_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const std::array<Operand, 2> tables{Operand{}, Operand{.output = true}};
  return tuple_layout(node, operand, layout, {.tables = tables, .rows = {.slot = 2}});
}

}  // namespace

void register_scatter(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::scatter};
  table.add("ScatterElements",
            {.traits = sums, .shape = scatter_elements, .layout = scatter_elements_layout});
  table.add("ScatterND", {.traits = sums, .shape = scatter_nd, .layout = scatter_nd_layout});
  table.add("Scatter", {.shape = scatter_elements, .layout = scatter_elements_layout});
  table.add("TensorScatter", {.shape = same_as_input});
}

}  // namespace pot
