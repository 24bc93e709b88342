// Elements picked by index.

#include <algorithm>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"
#include "ops/shared/picked_axis.h"
#include "ops/shared/tuple_layout.h"

namespace pot {
namespace {

Error outside(std::int64_t axis, std::size_t rank) {
  return contradiction("axis " + std::to_string(axis) + " is outside of rank " +
                       std::to_string(rank));
}

/// Where an index points to on an axis of this size; nothing when it points nowhere.
std::optional<std::int64_t> place_of(std::int64_t index, std::int64_t size) {
  if (index < -size || index >= size) return std::nullopt;
  return index < 0 ? index + size : index;
}

/// Error: an index that is known points outside of the axis.
Status check_indices(const NodeFacts& at, const Elements& indices, const Expr& size) {
  const auto limit = size.number();
  if (!indices || !limit) return ok_status();
  for (const Expr& index : *indices) {
    const auto number = index.number();
    if (number && !place_of(*number, *limit)) {
      return contradiction("index " + std::to_string(*number) + " in " + at.input_label(1) +
                           " is outside of an axis of size " + std::to_string(*limit));
    }
  }
  return ok_status();
}

Inferred gather_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const Fact& index = at.in(1);
  if (!in.has_rank() || !index.has_rank()) return std::vector{tensor_fact(in.dtype)};
  const auto axis = normalized_axis(at.attr_int("axis", 0), in.rank());
  if (!axis) return outside(at.attr_int("axis", 0), in.rank());
  const Elements indices = elements_of(index);
  const Expr size = (*in.dims)[*axis];
  if (const auto checked = check_indices(at, indices, size); !checked) return checked.error();
  const auto cut = static_cast<std::ptrdiff_t>(*axis);
  Dims dims(in.dims->begin(), in.dims->begin() + cut);
  dims.insert(dims.end(), index.dims->begin(), index.dims->end());
  dims.insert(dims.end(), in.dims->begin() + cut + 1, in.dims->end());
  const auto index_shape = index.numbers();
  const auto index_rank = static_cast<std::ptrdiff_t>(index.rank());
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    const auto first = to.begin() + cut;
    std::optional<Position> from;
    if (!indices) return from;
    const Position at_index(first, first + index_rank);
    const auto number = (*indices)[flat_index(at_index, *index_shape)].number();
    const auto place = number ? place_of(*number, *size.number()) : std::nullopt;
    if (!place) return from;
    from.emplace(to.begin(), first);
    from->push_back(*place);
    from->insert(from->end(), first + index_rank, to.end());
    return from;
  })};
}

Inferred gather_elements(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const Fact& index = at.in(1);
  if (!index.has_rank()) return std::vector{tensor_fact(in.dtype)};
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype, *index.dims)};
  if (in.rank() != index.rank()) {
    return contradiction(at.input_label(0) + " has rank " + std::to_string(in.rank()) + ", " +
                         at.input_label(1) + " has " + std::to_string(index.rank()));
  }
  const auto axis = normalized_axis(at.attr_int("axis", 0), in.rank());
  if (!axis) return outside(at.attr_int("axis", 0), in.rank());
  const Elements indices = elements_of(index);
  const Expr size = (*in.dims)[*axis];
  if (const auto checked = check_indices(at, indices, size); !checked) return checked.error();
  const auto index_shape = index.numbers();
  return std::vector{moved(at, in, *index.dims, [&](const Position& to) {
    const auto number = indices ? (*indices)[flat_index(to, *index_shape)].number() : std::nullopt;
    std::optional<Position> from;
    const auto place = number ? place_of(*number, *size.number()) : std::nullopt;
    if (!place) return from;
    from = to;
    (*from)[*axis] = *place;
    return from;
  })};
}

/// The index tuple for one output position of GatherND, behind the batch axes.
std::optional<Position> tuple_at(const Elements& indices, const std::vector<std::int64_t>& shape,
                                 const Position& head, std::span<const std::int64_t> sizes) {
  Position out;
  if (!indices) return std::nullopt;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Position at_index = head;
    at_index.push_back(static_cast<std::int64_t>(i));
    const auto number = (*indices)[flat_index(at_index, shape)].number();
    const auto place = number ? place_of(*number, sizes[i]) : std::nullopt;
    if (!place) return std::nullopt;
    out.push_back(*place);
  }
  return out;
}

Inferred gather_nd(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const Fact& index = at.in(1);
  if (!in.has_rank() || !index.has_rank()) return std::vector{tensor_fact(in.dtype)};
  const std::int64_t batch_dims = at.attr_int("batch_dims", 0);
  if (index.rank() == 0) return contradiction(at.input_label(1) + " is a scalar");
  const auto tuple = index.dims->back().number();
  if (!tuple) return std::vector{tensor_fact(in.dtype)};
  const auto rank = static_cast<std::int64_t>(in.rank());
  const auto lead = static_cast<std::int64_t>(index.rank()) - 1;
  if (batch_dims < 0 || batch_dims > lead || batch_dims > rank || *tuple < 0 ||
      *tuple > rank - batch_dims) {
    return contradiction("indices of " + std::to_string(*tuple) + " behind " +
                         std::to_string(batch_dims) + " batch axes for " + at.input_label(0) +
                         ", which has rank " + std::to_string(rank));
  }
  Dims dims(index.dims->begin(), index.dims->end() - 1);
  dims.insert(dims.end(), in.dims->begin() + batch_dims + *tuple, in.dims->end());
  const Elements indices = elements_of(index);
  const auto index_shape = index.numbers();
  const auto shape = in.numbers();
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    const Position head(to.begin(), to.begin() + lead);
    const auto sizes = std::span(*shape).subspan(static_cast<std::size_t>(batch_dims),
                                                 static_cast<std::size_t>(*tuple));
    std::optional<Position> from;
    const auto picked = index_shape ? tuple_at(indices, *index_shape, head, sizes) : std::nullopt;
    if (!picked) return from;
    from.emplace(to.begin(), to.begin() + batch_dims);
    from->insert(from->end(), picked->begin(), picked->end());
    from->insert(from->end(), to.begin() + lead, to.end());
    return from;
  })};
}

/// Places of the elements that a mask keeps; nothing when not all of it is known.
std::optional<std::vector<std::int64_t>> kept_places(const Fact& condition) {
  const auto numbers = numbers_of(condition);
  if (!numbers) return std::nullopt;
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    if ((*numbers)[i] != 0) out.push_back(static_cast<std::int64_t>(i));
  }
  return out;
}

Inferred compress_rule(const NodeFacts& at) {
  const bool flat = !at.node().attr_int("axis");
  Fact in = at.in(0);
  if (flat && in.has_rank()) in = reshaped(in, {in.count()});
  if (!in.has_rank()) {
    if (!flat) return std::vector{tensor_fact(in.dtype)};
    return std::vector{tensor_fact(in.dtype, {at.unknown_size("the data decides what stays")})};
  }
  const auto axis =
      flat ? std::optional<std::size_t>(0) : normalized_axis(at.attr_int("axis", 0), in.rank());
  if (!axis) return outside(at.attr_int("axis", 0), in.rank());
  auto kept = kept_places(at.in(1));
  // A mask may be longer than the axis as long as nothing is kept there.
  if (const auto size = (*in.dims)[*axis].number(); kept && size) {
    std::erase_if(*kept, [&](std::int64_t place) { return place >= *size; });
  }
  Dims dims = *in.dims;
  dims[*axis] = kept ? Expr(static_cast<std::int64_t>(kept->size()))
                     : at.unknown_size("the data decides what stays");
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    Position from = to;
    from[*axis] = (*kept)[static_cast<std::size_t>(to[*axis])];
    return std::optional(std::move(from));
  })};
}

/// Where the axes of data and indices lie in the output: the indices' instead of the gathered one.
struct GatherLayouts {
  Layout data;
  Layout indices;
  Layout output;
};

/// The axis of the output that an axis of the data is.
std::size_t gathered_axis(std::size_t axis, std::size_t gathered, std::size_t index_rank) {
  return axis < gathered ? axis : axis + index_rank - 1;
}

Layout output_layout(const Layout& data, const Layout& indices, std::size_t gathered) {
  std::vector<std::int64_t> order;
  for (std::size_t place = 0; place < data.rank(); ++place) {
    if (data.perm[place] == gathered) {
      for (const std::int64_t axis : indices.perm.ints()) {
        order.push_back(axis + static_cast<std::int64_t>(gathered));
      }
    } else {
      const auto axis = gathered_axis(data.perm[place], gathered, indices.rank());
      order.push_back(static_cast<std::int64_t>(axis));
    }
  }
  Layout made(*Permutation::of(order));
  for (InnerOrder inner : data.inner) {
    inner.axis = gathered_axis(inner.axis, gathered, indices.rank());
    made.inner.push_back(std::move(inner));
  }
  return made;
}

/// Data and indices for an output of this layout, in which the indices' axes have to stay together.
Result<GatherLayouts> from_gathered(const Layout& output, std::size_t gathered,
                                    std::size_t index_rank) {
  if (index_rank == 0) {
    const AxesApart apart = from_rest(output, {&gathered, 1});
    return GatherLayouts{apart.whole, Layout::identity(0), output};
  }
  std::vector<std::int64_t> order;
  std::vector<std::int64_t> within;
  for (std::size_t place = 0; place < output.rank(); ++place) {
    const std::size_t axis = output.perm[place];
    if (axis >= gathered && axis < gathered + index_rank) {
      if (!within.empty() && place > 0 &&
          (output.perm[place - 1] < gathered || output.perm[place - 1] >= gathered + index_rank)) {
        return refuse("the axes of its indices do not stay together");
      }
      if (within.empty()) order.push_back(static_cast<std::int64_t>(gathered));
      within.push_back(static_cast<std::int64_t>(axis - gathered));
    } else {
      order.push_back(static_cast<std::int64_t>(axis < gathered ? axis : axis - index_rank + 1));
    }
  }
  GatherLayouts made{Layout(*Permutation::of(order)), Layout(*Permutation::of(within)), output};
  for (InnerOrder inner : output.inner) {
    if (inner.axis >= gathered) inner.axis -= index_rank - 1;
    made.data.inner.push_back(std::move(inner));
  }
  return made;
}

Result<GatherLayouts> gather_layouts(const LayoutNode& node, Operand operand, const Layout& layout,
                                     std::size_t axis) {
  if (operand.slot > (operand.output ? 0U : 1U)) return refuse("it has no such operand");
  const auto data = known_rank(node, {.slot = 0});
  if (!data) return data.error();
  const auto indices = known_rank(node, {.slot = 1});
  if (!indices) return indices.error();
  const auto output = known_rank(node, {.output = true});
  if (!output) return output.error();
  if (output.value() + 1 != data.value() + indices.value()) return refuse("its ranks do not fit");
  if (operand.output) {
    std::vector<std::size_t> picked;
    for (std::size_t i = 0; i < indices.value(); ++i) picked.push_back(axis + i);
    const auto plain = require_plain(layout, picked);
    if (!plain) return plain.error();
    return from_gathered(layout, axis, indices.value());
  }
  const auto plain = operand.slot == 0 ? require_plain(layout, {&axis, 1}) : require_plain(layout);
  if (!plain) return plain.error();
  GatherLayouts made{Layout::identity(data.value()), Layout::identity(indices.value()), {}};
  (operand.slot == 0 ? made.data : made.indices) = layout;
  made.output = output_layout(made.data, made.indices, axis);
  return made;
}

/// Of an axis in another inner order: by indices that are known.
Result<Relayout> picked_anew(const LayoutNode& node, const Layout& layout, std::size_t axis) {
  const auto indices = numbers_of(node.at().in(1));
  const auto dims = node.at().in(1).numbers();
  if (!indices || !dims) return require_plain(layout).error();
  auto layouts = gather_layouts(node, {}, in_order(layout, axis), axis);
  if (!layouts) return layouts.error();
  auto drawn = picked(layout, axis, *indices, *dims);
  if (!drawn) return drawn.error();
  Relayout made = unmoved(node);
  made.inputs[0] = layout;
  made.outputs[0] = std::move(layouts.value().output);
  return with_node(std::move(made), std::move(drawn).value());
}

Result<Relayout> gather_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto rank = known_rank(node, {.slot = 0});
  if (!rank) return rank.error();
  const auto axis = normal_axis(node, "axis", 0, rank.value());
  if (!axis) return axis.error();
  if (operand == Operand{} && layout.inner_of(axis.value())) {
    return picked_anew(node, layout, axis.value());
  }
  auto layouts = gather_layouts(node, operand, layout, axis.value());
  if (!layouts) return layouts.error();
  const std::size_t place = layouts.value().data.perm.place_of(axis.value());
  Relayout made = unmoved(node);
  made.inputs[0] = std::move(layouts.value().data);
  made.inputs[1] = std::move(layouts.value().indices);
  made.outputs[0] = std::move(layouts.value().output);
  if (place == axis.value()) return made;
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axis", written_axis(made.inputs[0], node.at().attr_int("axis", 0)));
  return with_node(std::move(made), std::move(drawn));
}

Result<Relayout> gather_elements_layout(const LayoutNode& node, Operand operand,
                                        const Layout& layout) {
  constexpr std::array<std::size_t, 2> kTensors{0, 1};
  return along_axis(node, operand, layout, kTensors, 0);
}

Result<Relayout> gather_nd_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const std::array<Operand, 1> tables{};
  return tuple_layout(node, operand, layout, {.tables = tables, .rows = {.output = true}});
}

Result<Relayout> compress_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (!node.at().node().attr_int("axis")) return refuse("it takes its input for a flat list");
  return along_axis(node, operand, layout, kFirstInput, 0);
}

}  // namespace

void register_gather(OpTable& table) {
  table.add("Gather", {.shape = gather_rule, .layout = gather_layout});
  table.add("GatherElements", {.shape = gather_elements, .layout = gather_elements_layout});
  table.add("GatherND", {.shape = gather_nd, .layout = gather_nd_layout});
  table.add("Compress", {.shape = compress_rule, .layout = compress_layout});
}

}  // namespace pot
