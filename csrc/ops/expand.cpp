// Elements repeated along axes.

#include <algorithm>
#include <array>
#include <utility>

#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred expand_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto target = dims_from(at, at.in(1));
  if (!in.has_rank() || !target) return std::vector{tensor_fact(in.dtype)};
  auto dims = broadcast_dims(std::array{*in.dims, *target});
  if (!dims) return dims.error();
  const std::size_t lead = dims.value().size() - in.rank();
  const auto shape = in.numbers();
  return std::vector{moved(at, in, std::move(dims).value(), [&](const Position& to) {
    Position from(to.begin() + static_cast<std::ptrdiff_t>(lead), to.end());
    for (std::size_t i = 0; i < from.size(); ++i) {
      if ((*shape)[i] == 1) from[i] = 0;
    }
    return std::optional(std::move(from));
  })};
}

Inferred tile_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto repeats = dims_from(at, at.in(1));
  if (!in.has_rank()) {
    if (!repeats) return std::vector{tensor_fact(in.dtype)};
    return std::vector{tensor_fact(in.dtype, at.unknown_dims(repeats->size(), "of any shape"))};
  }
  if (!repeats) {
    return std::vector{tensor_fact(in.dtype, at.unknown_dims(in.rank(), "repeats are computed"))};
  }
  if (repeats->size() != in.rank()) {
    return contradiction(std::to_string(repeats->size()) + " repeats for " + at.input_label(0) +
                         ", which has rank " + std::to_string(in.rank()));
  }
  Dims dims;
  for (std::size_t i = 0; i < in.rank(); ++i) dims.push_back((*in.dims)[i] * (*repeats)[i]);
  const auto shape = in.numbers();
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    Position from = to;
    for (std::size_t i = 0; i < from.size(); ++i) from[i] %= (*shape)[i];
    return std::optional(std::move(from));
  })};
}

/// How many numbers the list in input 1 has.
Result<std::size_t> listed(const LayoutNode& node) {
  const Fact& list = node.at().in(1);
  const auto length = list.has_rank() && list.rank() == 1 ? list.dims->front().number()
                                                          : std::optional<std::int64_t>();
  if (!length || *length < 0) {
    return refuse("the length of " + node.at().input_label(1) + " is not known");
  }
  return static_cast<std::size_t>(*length);
}

/// The sizes that Expand is given, of a result that is stored like this.
Result<DrawnInput> stored_sizes(const LayoutNode& node, const Layout& result, std::size_t given) {
  if (given == result.rank()) return in_stored_order(node, 1, result, 1);
  const auto sizes = numbers_of(node.at().in(1));
  if (!sizes) {
    return refuse(node.at().input_label(1) + " is computed and lists fewer sizes than the output " +
                  "has axes");
  }
  std::vector<std::int64_t> all(result.rank() - given, 1);
  all.insert(all.end(), sizes->begin(), sizes->end());
  return from_ints(result.perm.apply(all));
}

/// An input of one element is the same in every layout.
bool is_free(const Fact& in) { return in.count().is(1); }

Result<Relayout> expand_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (!operand.output && operand.slot != 0) return refuse("input 1 lists sizes");
  const auto rank = known_rank(node, {false, 0});
  if (!rank) return rank.error();
  const auto given = listed(node);
  if (!given) return given.error();
  const auto result = known_rank(node, {.output = true});
  if (!result) return result.error();
  const std::size_t axes = result.value();
  if (node.at().output_count() != 1 || std::max(rank.value(), given.value()) != axes ||
      layout.rank() > axes) {
    return refuse("its output has another rank than its inputs");
  }
  const Fact& in = node.at().in(0);
  Relayout made = unmoved(node);
  if (is_free(in) && !operand.output) {
    made.inputs[0] = layout;
    return made;
  }
  made.outputs[0] = lifted(layout, axes);
  DrawnNode drawn = redrawn(node);
  if (!is_free(in)) {
    auto beside = aligned_operand(in, made.outputs[0], node.at().input_label(0));
    if (!beside) return beside.error();
    made.inputs[0] = std::move(beside.value().layout);
    drawn.inputs[0].unsqueeze = std::move(beside.value().unsqueeze);
  }
  if (made.outputs[0].perm.is_identity()) return made;
  auto sizes = stored_sizes(node, made.outputs[0], given.value());
  if (!sizes) return sizes.error();
  drawn.inputs[1] = std::move(sizes).value();
  return with_node(std::move(made), std::move(drawn));
}

/// Axes that are repeated have to be plain: repeats of an axis in another inner order are in yet
/// another one.
Status require_plain_repeats(const LayoutNode& node, const Layout& layout) {
  const auto repeats = numbers_of(node.at().in(1));
  for (const InnerOrder& one : layout.inner) {
    if (repeats && one.axis < repeats->size() && (*repeats)[one.axis] == 1) continue;
    return require_plain(layout, {&one.axis, 1});
  }
  return ok_status();
}

Result<Relayout> tile_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  constexpr std::int64_t kOneRepeatAnAxis = 6;
  if (node.at().opset() < kOneRepeatAnAxis) return refuse("before opset 6 it repeats one axis");
  if (!operand.output && operand.slot != 0) return refuse("input 1 lists repeats");
  const Status plain = require_plain_repeats(node, layout);
  if (!plain) return plain.error();
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made || layout.perm.is_identity()) return made;
  auto repeats = in_stored_order(node, 1, layout, 1);
  if (!repeats) return repeats.error();
  DrawnNode drawn = redrawn(node);
  drawn.inputs[1] = std::move(repeats).value();
  return with_node(std::move(made).value(), std::move(drawn));
}

}  // namespace

void register_expand(OpTable& table) {
  table.add("Expand", {.shape = expand_rule, .layout = expand_layout});
  table.add("Tile", {.shape = tile_rule, .layout = tile_layout});
}

}  // namespace pot
