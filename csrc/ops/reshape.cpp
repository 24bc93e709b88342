// The same elements in the same order under another shape.

#include <algorithm>

#include "ops/shared/axis_groups.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Expr product(std::span<const Expr> sizes) {
  Expr out(1);
  for (const Expr& size : sizes) out = out * size;
  return out;
}

/// A size that a Reshape takes literally: not -1, and not 0 where that copies.
bool is_size(const Expr& element) {
  if (element.is_number()) return element.number() >= 0;
  const auto least = element.at_least();
  return element.writable() || (least && *least >= 0);
}

struct Target {
  Dims dims;
  std::optional<std::size_t> inferred;  ///< the one that follows from the count
  bool several = false;                 ///< more than one is not known
};

/// `elements` without zeros that copy; the place of the -1, or of the one that is not known: either
/// way the count decides it.
Result<Target> target_of(const NodeFacts& at, std::span<const Expr> elements) {
  const Fact& in = at.in(0);
  const bool copies = at.attr_int("allowzero", 0) == 0;
  Target target;
  std::size_t minus_ones = 0;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Expr& element = elements[i];
    if (copies && element.is(0)) {
      if (in.has_rank() && i >= in.rank()) {
        return contradiction("the shape copies axis " + std::to_string(i) + " of " +
                             at.input_label(0) + ", which has rank " + std::to_string(in.rank()));
      }
      target.dims.push_back(in.has_rank() ? (*in.dims)[i] : at.unknown_size("a copied size"));
      continue;
    }
    if (element.is(-1)) ++minus_ones;
    if (is_size(element)) {
      target.dims.push_back(element);
      continue;
    }
    target.several = target.several || target.inferred;
    target.inferred = i;
    target.dims.push_back(at.unknown_size("the data decides the shape"));
  }
  if (minus_ones > 1) return contradiction("the shape has " + std::to_string(minus_ones) + " -1");
  return target;
}

/// What is left of the count of the input for the one axis that follows from it.
Result<Expr> left_over(const Fact& in, const Target& target) {
  Dims kept = *in.dims;
  Expr others(1);
  for (std::size_t i = 0; i < target.dims.size(); ++i) {
    if (i == target.inferred) continue;
    // Sizes on both sides cancel first: what is left then is exact although one of them is 0 or a
    // fresh one.
    const auto same = std::ranges::find(kept, target.dims[i]);
    if (same != kept.end() && !same->is(0)) {
      kept.erase(same);
    } else {
      others = others * target.dims[i];
    }
  }
  const Expr count = product(kept);
  const auto total = count.number();
  const auto part = others.number();
  if (total && part && *part != 0 && *total % *part != 0) {
    return contradiction(std::to_string(*total) + " elements do not divide into groups of " +
                         std::to_string(*part));
  }
  if (total && part && *part == 0) return Expr(0);
  return divide(count, others);
}

std::string shape_text(const Dims& dims) {
  std::string out = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) out += (i ? ", " : "") + dims[i].text();
  return out + "]";
}

Result<Dims> reshaped_dims(const NodeFacts& at, std::span<const Expr> elements) {
  auto asked = target_of(at, elements);
  if (!asked) return asked.error();
  Target& target = asked.value();
  const Fact& in = at.in(0);
  if (!in.has_rank() || target.several) return std::move(target.dims);
  if (target.inferred) {
    auto rest = left_over(in, target);
    if (!rest) {
      return contradiction(at.input_label(0) + " " + shape_text(*in.dims) +
                           " does not fit the shape: " + rest.error().message);
    }
    target.dims[*target.inferred] = std::move(rest).value();
    return std::move(target.dims);
  }
  if (Expr::equal(in.count(), product(target.dims)) == false) {
    return contradiction(at.input_label(0) + " " + shape_text(*in.dims) + " has " +
                         in.count().text() + " elements, the shape " + shape_text(target.dims) +
                         " takes " + product(target.dims).text());
  }
  return std::move(target.dims);
}

Inferred reshape_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const DType dtype = in.dtype;
  Elements elements = elements_of(at.in(1));
  if (const auto attribute = at.attr_ints("shape"); attribute && !at.has(1)) {
    elements = std::make_shared<const std::vector<Expr>>(attribute->begin(), attribute->end());
  }
  if (!elements) {
    auto dims = dims_from(at, at.in(1));
    // A target of one element takes all.
    if (dims && dims->size() == 1 && in.has_rank()) dims = Dims{in.count()};
    return std::vector{dims ? tensor_fact(dtype, std::move(*dims)) : tensor_fact(dtype)};
  }
  auto dims = reshaped_dims(at, *elements);
  if (!dims) return dims.error();
  return std::vector{reshaped(in, std::move(dims).value())};
}

Inferred flatten_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype, at.unknown_dims(2, "of any rank"))};
  const auto rank = static_cast<std::int64_t>(in.rank());
  const std::int64_t axis = at.attr_int("axis", 1);
  if (axis < -rank || axis > rank) {
    return contradiction("axis " + std::to_string(axis) + " is outside of " + at.input_label(0) +
                         ", which has rank " + std::to_string(rank));
  }
  const auto cut = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  const std::span<const Expr> sizes(*in.dims);
  return std::vector{reshaped(in, {product(sizes.first(cut)), product(sizes.subspan(cut))})};
}

/// Both sides of a node that moves no element, one of them stored as `layout`.
Result<Relayout> across(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand.slot != 0) return refuse("it reads its shape as a list");
  const Fact& x = node.at().in(0);
  const Fact& y = node.out(0);
  if (!x.has_rank() || !y.has_rank()) return refuse("its shape is only known when the model runs");
  auto other = operand.output ? layout_across(layout, *y.dims, *x.dims, "its input")
                              : layout_across(layout, *x.dims, *y.dims, "its output");
  if (!other) return other.error();
  Relayout made = unmoved(node);
  made.inputs[0] = operand.output ? other.value() : layout;
  made.outputs[0] = operand.output ? layout : other.value();
  return made;
}

/// The shape of what is stored, for a Reshape that copies zeros; `said` are the elements of the
/// file's in the same order. A size that it copied or left over stays so where it can. Nothing
/// where more than one size is open and not copied. Copied sizes leave a -1 ambiguous when one of
/// them is 0: both are only there when the file has a -1 too.
std::optional<std::vector<std::int64_t>> constant_target(const Dims& from, const Dims& to,
                                                         std::span<const Expr> said) {
  std::vector<std::int64_t> target;
  bool copied = false;
  std::optional<std::size_t> left;
  for (std::size_t place = 0; place < to.size(); ++place) {
    const auto number = to[place].number();
    const bool same = place < from.size() && from[place] == to[place];
    if (same && (!number || said[place].is(0))) {
      target.push_back(0);
      copied = copied || !number;
    } else if (number) {
      target.push_back(*number);
    } else if (!left) {
      target.push_back(-1);
      left = place;
    } else {
      return std::nullopt;
    }
  }
  const auto rest = std::ranges::find_if(said, [](const Expr& each) { return each.is(-1); });
  if (rest == said.end()) return left && copied ? std::nullopt : std::optional(target);
  if (!left) target[static_cast<std::size_t>(rest - said.begin())] = -1;
  return target;
}

/// The target's elements mean the same when they are read in the order of the stored axes.
bool can_be_taken(const LayoutNode& node, const Relayout& made, const Dims& from, const Dims& to,
                  std::span<const Expr> said) {
  const bool copies = node.at().attr_int("allowzero", 0) == 0;
  for (std::size_t place = 0; place < to.size(); ++place) {
    const std::size_t axis = made.outputs[0].perm[place];
    if (!copies || !said[axis].is(0)) continue;
    if (place >= from.size() || !(from[place] == to[place])) return false;
  }
  return true;
}

/// The target computed from the sizes of what is read, for a Reshape whose open sizes are among
/// them: nodes of which the last one makes it. Nothing where one is not.
std::optional<std::vector<DrawnNode>> computed_target(const Dims& from, const Dims& to) {
  std::vector<std::int64_t> numbers, places;
  for (const Expr& size : to) {
    const auto known = std::ranges::find(from, size);
    if (known != from.end()) {
      places.push_back(known - from.begin());
    } else if (const auto number = size.number()) {
      places.push_back(static_cast<std::int64_t>(from.size() + numbers.size()));
      numbers.push_back(*number);
    } else {
      return std::nullopt;
    }
  }
  std::vector<DrawnNode> nodes;
  nodes.push_back({.op_type = "Shape", .inputs = {from_input(0)}});
  if (!numbers.empty()) {
    nodes.push_back({.op_type = "Concat", .inputs = {from_drawn(0), from_ints(numbers)}});
    put_attribute(nodes.back(), "axis", std::int64_t{0});
  }
  const std::size_t sizes = nodes.size() - 1;
  nodes.push_back({.op_type = "Gather", .inputs = {from_drawn(sizes), from_ints(places)}});
  return nodes;
}

Result<Relayout> reshape_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const Elements said = elements_of(node.at().in(1));
  if (!said || !node.out(0).has_rank() || said->size() != node.out(0).rank()) {
    return refuse("its shape is only known when the model runs");
  }
  auto result = across(node, operand, layout);
  if (!result) return result;
  Relayout& made = result.value();
  const Permutation& order = made.outputs[0].perm;
  const Dims from = stored_dims(made.inputs[0], *node.at().in(0).dims);
  const Dims to = stored_dims(made.outputs[0], *node.out(0).dims);
  const bool takes = can_be_taken(node, made, from, to, *said);
  if (takes && order.is_identity()) return result;

  DrawnNode drawn = redrawn(node);
  if (const auto target = constant_target(from, to, order.apply(*said))) {
    drop_attribute(drawn, "allowzero");
    drawn.inputs[1] = from_ints(*target);
  } else if (takes) {
    drawn.inputs[1].take = order.ints();
  } else if (auto computed = computed_target(from, to)) {
    made.nodes = std::move(*computed);
    drawn.inputs[1] = from_drawn(made.nodes.size() - 1);
  } else {
    return refuse("its shape would have to be computed: more than one size of it is open");
  }
  made.nodes.push_back(std::move(drawn));
  return result;
}

/// What is stored splits into the two groups as well, at another axis perhaps.
Result<Relayout> flatten_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  auto result = across(node, operand, layout);
  if (!result) return result;
  Relayout& made = result.value();
  const Dims from = stored_dims(made.inputs[0], *node.at().in(0).dims);
  const Dims to = stored_dims(made.outputs[0], *node.out(0).dims);
  if (to.size() != 2) return refuse("its output has another rank than 2");
  const std::span<const Expr> sizes(from);
  const auto splits = [&](std::size_t cut) {
    return product(sizes.first(cut)) == to[0] && product(sizes.subspan(cut)) == to[1];
  };
  const std::int64_t said = node.at().attr_int("axis", 1);
  const auto rank = static_cast<std::int64_t>(from.size());
  if (said < -rank || said > rank) return refuse("axis is outside of its rank");
  if (splits(static_cast<std::size_t>(said < 0 ? said + rank : said))) return result;
  for (std::size_t cut = 0; cut <= from.size(); ++cut) {
    if (!splits(cut)) continue;
    DrawnNode drawn = redrawn(node);
    put_attribute(drawn, "axis", static_cast<std::int64_t>(cut));
    made.nodes.push_back(std::move(drawn));
    return result;
  }
  return refuse("its axes do not split into two groups in that order");
}

}  // namespace

void register_reshape(OpTable& table) {
  table.add("Reshape", {.shape = reshape_rule, .layout = reshape_layout});
  table.add("Flatten", {.shape = flatten_rule, .layout = flatten_layout});
}

}  // namespace pot
