// Tensors put together along an axis, and taken apart.

#include <algorithm>
#include <numeric>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"
#include "ops/shared/picked_axis.h"

namespace pot {
namespace {

std::string axis_label(std::size_t axis) { return "axis " + std::to_string(axis); }

/// Sizes of all inputs, put together; a fresh size where an input of any rank adds to it.
Result<Dims> joined_dims(const NodeFacts& at, std::size_t rank, std::size_t axis) {
  Dims dims;
  Expr length(0);
  for (std::size_t slot = 0; slot < at.input_count(); ++slot) {
    const Fact& in = at.in(slot);
    if (!in.has_rank()) {
      length = length + at.unknown_size(at.input_label(slot) + " has any shape");
      continue;
    }
    if (in.rank() != rank) {
      return contradiction(at.input_label(slot) + " has rank " + std::to_string(in.rank()) +
                           ", others have " + std::to_string(rank));
    }
    length = length + (*in.dims)[axis];
    if (dims.empty()) dims = *in.dims;
    for (std::size_t i = 0; i < rank; ++i) {
      if (i == axis) continue;
      auto size = agreed(dims[i], (*in.dims)[i]);
      if (!size) {
        return contradiction(axis_label(i) + " of " + at.input_label(slot) + " has size " +
                             (*in.dims)[i].text() + ", that of others " + dims[i].text());
      }
      dims[i] = std::move(*size);
    }
  }
  dims[axis] = length;
  return dims;
}

/// Elements of a small result, one input after the other along the axis.
Fact joined(const NodeFacts& at, DType dtype, Dims dims, std::size_t axis) {
  const auto shape = small_shape(dims);
  if (!shape) return tensor_fact(dtype, std::move(dims));
  std::vector<std::optional<Expr>> elements(small_count(*shape));
  std::int64_t offset = 0;
  for (const Fact& in : at.inputs()) {
    const auto part = in.has_rank() ? small_shape(*in.dims) : std::nullopt;
    if (!part) return tensor_fact(dtype, std::move(dims));
    const Elements known = elements_of(in);
    const auto places = known ? positions(*part) : std::vector<Position>{};
    for (std::size_t i = 0; i < places.size(); ++i) {
      Position to = places[i];
      to[axis] += offset;
      elements[flat_index(to, *shape)] = (*known)[i];
    }
    offset += (*part)[axis];
  }
  return from_elements(at, dtype, std::move(dims), std::move(elements));
}

Inferred concat_rule(const NodeFacts& at) {
  const DType dtype = common_dtype(at);
  const auto ranked =
      std::ranges::find_if(at.inputs(), [](const Fact& in) { return in.has_rank(); });
  if (ranked == at.inputs().end()) return std::vector{tensor_fact(dtype)};
  const std::int64_t axis = at.attr_int("axis", 1);
  const auto place = normalized_axis(axis, ranked->rank());
  if (!place) {
    return contradiction("axis " + std::to_string(axis) + " is outside of rank " +
                         std::to_string(ranked->rank()));
  }
  auto dims = joined_dims(at, ranked->rank(), *place);
  if (!dims) return dims.error();
  return std::vector{joined(at, dtype, std::move(dims).value(), *place)};
}

/// Equal parts. Since opset 18 the last one may be smaller.
Result<Dims> equal_parts(const NodeFacts& at, const Expr& size, std::size_t count) {
  const Expr parts(static_cast<std::int64_t>(count));
  if (at.opset() >= 18) {
    const Expr part = ceil_div(size, parts);
    Dims out(count, part);
    // Of two parts the smaller one is plainer than what the larger one leaves.
    out.back() = count == 2 ? floor_div(size, parts) : size - part * (parts - Expr(1));
    if (out.back().number().value_or(0) < 0) {
      return contradiction("size " + size.text() + " does not divide into " +
                           std::to_string(count) + " parts");
    }
    return out;
  }
  const auto number = size.number();
  if (number && *number % static_cast<std::int64_t>(count) != 0) {
    return contradiction("size " + std::to_string(*number) + " does not divide into " +
                         std::to_string(count) + " equal parts");
  }
  return Dims(count, divide(size, parts));
}

Result<Dims> parts_of(const NodeFacts& at, const Expr& size) {
  const std::size_t count = at.output_count();
  const auto asked = at.ints_or_input("split", 1);
  if (!asked.given) return equal_parts(at, size, count);
  std::optional<Dims> given;
  if (asked.numbers) {
    given = Dims(asked.numbers->begin(), asked.numbers->end());
  } else {
    given = dims_from(at, at.in(1));
  }
  if (!given) return at.unknown_dims(count, "its parts are computed");
  if (given->size() != count) {
    return contradiction(std::to_string(given->size()) + " parts for " + std::to_string(count) +
                         " outputs");
  }
  Expr sum(0);
  for (const Expr& part : *given) {
    if (part.number().value_or(0) < 0) return contradiction("a part of size " + part.text());
    sum = sum + part;
  }
  if (Expr::equal(sum, size) == false) {
    return contradiction("parts of " + sum.text() + " in all split an axis of size " + size.text());
  }
  return std::move(*given);
}

Inferred split_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const std::size_t count = at.output_count();
  if (count == 0 || !in.has_rank()) return std::vector<Fact>(count, tensor_fact(in.dtype));
  const auto axis = normalized_axis(at.attr_int("axis", 0), in.rank());
  if (!axis) {
    return contradiction("axis " + std::to_string(at.attr_int("axis", 0)) + " is outside of rank " +
                         std::to_string(in.rank()));
  }
  const auto parts = parts_of(at, (*in.dims)[*axis]);
  if (!parts) return parts.error();
  std::vector<Fact> out;
  Expr offset(0);
  for (const Expr& part : parts.value()) {
    Dims dims = *in.dims;
    dims[*axis] = part;
    const std::int64_t start = offset.number().value_or(0);
    out.push_back(moved(at, in, std::move(dims), [&](const Position& to) {
      Position from = to;
      from[*axis] += start;
      return std::optional(std::move(from));
    }));
    offset = offset + part;
  }
  return out;
}

Result<Relayout> concat_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  std::vector<std::size_t> slots(node.at().input_count());
  std::iota(slots.begin(), slots.end(), std::size_t{0});
  return along_axis(node, operand, layout, slots, 1);
}

/// Of an axis in another inner order each part is picked element by element, which copies as many
/// bytes as a Split does: a channel shuffle vanishes into it.
Result<Relayout> picked_parts(const LayoutNode& node, Relayout made, std::size_t axis) {
  const Layout& layout = made.inputs[0];
  const auto blocks = require_blocks(node, layout, axis);
  if (!blocks) return blocks.error();
  const auto parts = parts_of(node.at(), (*node.at().in(0).dims)[axis]);
  if (!parts) return refuse(parts.error().message);
  std::int64_t first = 0;
  for (std::size_t slot = 0; slot < parts.value().size(); ++slot) {
    const auto size = parts.value()[slot].number();
    if (!size || *size > kMostPicked) return require_plain(layout).error();
    std::vector<std::int64_t> indices(static_cast<std::size_t>(*size));
    std::iota(indices.begin(), indices.end(), first);
    first += *size;
    if (!node.at().node().outputs[slot]) continue;
    auto part = picked(layout, axis, indices);
    if (!part) return part.error();
    part.value().makes = slot;
    made.nodes.push_back(std::move(part).value());
    made.outputs[slot] = in_order(layout, axis);
  }
  if (made.nodes.empty()) return refuse("it makes nothing");
  return made;
}

Result<Relayout> split_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const bool picks = operand == Operand{} && !layout.plain();
  const auto axis = normal_axis(node, "axis", 0, layout.rank());
  if (!picks || !axis || !layout.inner_of(axis.value())) {
    return along_axis(node, operand, layout, kFirstInput, 0);
  }
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  return picked_parts(node, std::move(made).value(), axis.value());
}

}  // namespace

void register_concat(OpTable& table) {
  table.add("Concat", {.shape = concat_rule, .layout = concat_layout});
  table.add("Split", {.shape = split_rule, .layout = split_layout});
}

}  // namespace pot
