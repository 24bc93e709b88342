// Elements in another order of the axes.

#include <numeric>

#include "ops/shared/axis_layout.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Nothing when it is no permutation of this many axes.
std::optional<std::vector<std::size_t>> permutation_of(const NodeFacts& at, std::size_t rank) {
  std::vector<std::size_t> out(rank);
  std::iota(out.rbegin(), out.rend(), std::size_t{0});
  const auto perm = at.attr_ints("perm");
  if (!perm) return out;
  if (perm->size() != rank) return std::nullopt;
  std::vector<bool> seen(rank, false);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto axis = normalized_axis((*perm)[i], rank);
    if (!axis || seen[*axis]) return std::nullopt;
    seen[*axis] = true;
    out[i] = *axis;
  }
  return out;
}

Inferred transpose_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) {
    const auto perm = at.attr_ints("perm");
    if (!perm) return std::vector{tensor_fact(in.dtype)};
    return std::vector{tensor_fact(in.dtype, at.unknown_dims(perm->size(), "of any shape"))};
  }
  const auto perm = permutation_of(at, in.rank());
  if (!perm) {
    return contradiction("perm is no order of the " + std::to_string(in.rank()) + " axes of " +
                         at.input_label(0));
  }
  Dims dims;
  for (const std::size_t axis : *perm) dims.push_back((*in.dims)[axis]);
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    Position from(to.size());
    for (std::size_t i = 0; i < to.size(); ++i) from[(*perm)[i]] = to[i];
    return std::optional(std::move(from));
  })};
}

/// Blocks of space and depth are traded: one axis divides by what the others are multiplied with.
Expr traded(const Expr& size, std::int64_t factor, bool grows) {
  return grows ? size * Expr(factor) : divide(size, Expr(factor));
}

/// Batch x depth x height x width with blocks of `block` x `block`.
Inferred trade_blocks(const NodeFacts& at, bool to_depth) {
  const Fact& in = at.in(0);
  const std::int64_t block = at.attr_int("blocksize", 0);
  constexpr std::int64_t kLargest = std::int64_t{1} << 30;
  if (block <= 0 || block > kLargest) {
    return contradiction("blocksize is " + std::to_string(block));
  }
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype, at.unknown_dims(4, "any shape"))};
  if (in.rank() != 4) {
    return contradiction(at.input_label(0) + " has rank " + std::to_string(in.rank()) +
                         ", it takes 4");
  }
  Dims dims = *in.dims;
  for (std::size_t axis = 1; axis < dims.size(); ++axis) {
    const bool grows = (axis == 1) == to_depth;
    const std::int64_t factor = axis == 1 ? block * block : block;
    const auto size = dims[axis].number();
    if (!grows && size && *size % factor != 0) {
      return contradiction("axis " + std::to_string(axis) + " of " + at.input_label(0) +
                           " has size " + std::to_string(*size) + ", which " +
                           std::to_string(factor) + " does not divide");
    }
    dims[axis] = traded(dims[axis], factor, grows);
  }
  return std::vector{tensor_fact(in.dtype, std::move(dims))};
}

Inferred depth_to_space(const NodeFacts& at) { return trade_blocks(at, false); }
Inferred space_to_depth(const NodeFacts& at) { return trade_blocks(at, true); }

/// In another layout it would be a Transpose of six axes, of as many bytes as one around it.
Result<Relayout> blocks_layout(const LayoutNode&, Operand, const Layout&) {
  return refuse("it trades blocks between axes 1, 2 and 3");
}

/// Batch and time are the first two axes, in either order.
Result<Relayout> reverse_sequence_layout(const LayoutNode& node, Operand operand,
                                         const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto batch = normal_axis(node, "batch_axis", 1, layout.rank());
  if (!batch) return batch.error();
  const auto time = normal_axis(node, "time_axis", 0, layout.rank());
  if (!time) return time.error();
  const std::array<std::size_t, 2> axes{batch.value(), time.value()};
  const auto plain = require_plain(layout, axes);
  if (!plain) return plain.error();
  const auto places = places_of(layout, axes);
  if (places[0] > 1 || places[1] > 1) return refuse("batch and time are the first two axes");
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "batch_axis", places[0]);
  put_attribute(drawn, "time_axis", places[1]);
  return with_node(std::move(made).value(), std::move(drawn));
}

}  // namespace

void register_transpose(OpTable& table) {
  table.add("Transpose", {.shape = transpose_rule});
  const auto add = [&](std::string_view op_type, ShapeRule shape) {
    table.add(op_type,
              {.shape = shape, .layout = blocks_layout, .channels_last = one_channels_last});
  };
  add("DepthToSpace", depth_to_space);
  add("SpaceToDepth", space_to_depth);
  table.add("ReverseSequence", {.shape = same_as_input, .layout = reverse_sequence_layout});
}

}  // namespace pot
