#include "passes/layout/convert_layout.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/inner_order.h"
#include "ops/shared/picked_axis.h"
#include "passes/layout/draw_node.h"

namespace pot {
namespace {

constexpr std::int64_t kAxesAreAnInput = 13;  // of Squeeze and Unsqueeze
constexpr std::int64_t kShapeIsAnInput = 5;   // of Reshape

/// A piece of an axis that moves as a whole.
struct Atom {
  std::size_t axis = 0;
  std::size_t factor = 0;
  Expr size;
  bool whole = true;  ///< the axis has no other piece
};

/// Factors of an axis that move as a whole between the layouts; empty where neither cuts it.
/// Nothing where they cut it so differently that there are none.
std::optional<std::vector<std::int64_t>> factors_of(const LayoutConversion& wanted,
                                                    std::size_t axis) {
  const InnerOrder* from = wanted.from.inner_of(axis);
  const InnerOrder* to = wanted.to.inner_of(axis);
  if (from && to) return refined(from->sizes, to->sizes);
  if (from || to) return (from ? from : to)->sizes;
  return std::vector<std::int64_t>{};
}

/// The pieces in the order in which the layout stores them. Pre: every axis has factors.
std::vector<Atom> atoms(const LayoutConversion& wanted, const Layout& layout) {
  std::vector<Atom> out;
  for (std::size_t place = 0; place < layout.rank(); ++place) {
    const std::size_t axis = layout.perm[place];
    const auto factors = *factors_of(wanted, axis);
    if (factors.empty()) {
      out.push_back({axis, 0, wanted.dims[axis], true});
      continue;
    }
    std::vector<std::size_t> order(factors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (const InnerOrder* own = layout.inner_of(axis)) order = stored_factors(*own, factors);
    for (const std::size_t factor : order) {
      out.push_back({axis, factor, factors[factor], false});
    }
  }
  return out;
}

/// An axis that both cut, without factors that are cut by neither.
std::optional<std::size_t> crossed_axis(const LayoutConversion& wanted) {
  for (const InnerOrder& one : wanted.from.inner) {
    if (!factors_of(wanted, one.axis)) return one.axis;
  }
  return std::nullopt;
}

/// What is stored as `to`, by where it is stored as `from`.
std::vector<std::int64_t> picks(const InnerOrder& from, const InnerOrder& to) {
  const std::vector<std::int64_t> here = stored_places(from);
  const std::vector<std::int64_t> there = stored_places(to);
  std::vector<std::int64_t> out(here.size());
  for (std::size_t index = 0; index < here.size(); ++index) {
    out[static_cast<std::size_t>(there[index])] = here[index];
  }
  return out;
}

/// Places of the axes of size 1.
std::vector<std::int64_t> unit_places(const Layout& layout, const Dims& dims) {
  std::vector<std::int64_t> out;
  for (std::size_t place = 0; place < layout.rank(); ++place) {
    if (dims[layout.perm[place]].is(1)) out.push_back(static_cast<std::int64_t>(place));
  }
  return out;
}

/// What Reshape is told, where numbers say it: 0 for a size that stays in its place, -1 for one
/// other. Nothing where more is open.
std::optional<std::vector<std::int64_t>> told(const Dims& from, const Dims& to) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto number = to[i].number();
    if (number && *number > 0) {
      out.push_back(*number);
    } else if (i < from.size() && from[i] == to[i]) {
      out.push_back(0);
    } else if (std::ranges::count(out, -1) == 0) {
      out.push_back(-1);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

class Writer {
 public:
  explicit Writer(const LayoutConversion& wanted) : wanted_(wanted), graph_(wanted.graph) {}

  Converted write() {
    if (same_memory(wanted_.from, wanted_.to, wanted_.dims)) return reshape();
    if (wanted_.from.inner.empty() && wanted_.to.inner.empty()) return transpose();
    return through_factors();
  }

 private:
  Converted transpose() {
    const Permutation perm = wanted_.from.perm.inverse().then(wanted_.to.perm);
    if (!wanted_.reuse) {
      last(transposed(wanted_.source, perm));
      return Converted::transpose;
    }
    const Node& node = graph_.node(wanted_.reuse);
    const auto* filed = node.attr_ints("perm");
    const bool same = filed ? *filed == perm.ints()
                            : !node.attribute("perm") && perm == Permutation::reversed(perm.rank());
    const bool untouched = same && node.inputs == std::vector{wanted_.source};
    if (!same) graph_.set_attribute(wanted_.reuse, Attribute("perm", perm.ints()));
    if (!untouched) graph_.set_inputs(wanted_.reuse, {wanted_.source});
    return untouched ? Converted::kept : Converted::changed;
  }

  Converted reshape() {
    const Dims from = stored_dims(wanted_.from, wanted_.dims);
    const Dims to = stored_dims(wanted_.to, wanted_.dims);
    const auto target = told(from, to);
    if (target && opset() >= kShapeIsAnInput) {
      last({"Reshape", {}, {wanted_.source, stored_ints(graph_, *target)}});
      return Converted::reshape;
    }
    const ValueId without =
        step(with_axes("Squeeze", wanted_.source, unit_places(wanted_.from, wanted_.dims)));
    last(with_axes("Unsqueeze", without, unit_places(wanted_.to, wanted_.dims)));
    return Converted::reshape;
  }

  Converted through_factors() {
    if (const auto axis = crossed_axis(wanted_)) return through_picks(*axis);
    const std::vector<Atom> from = atoms(wanted_, wanted_.from);
    const std::vector<Atom> to = atoms(wanted_, wanted_.to);
    std::vector<std::int64_t> order;
    for (const Atom& each : to) {
      const auto found = std::ranges::find_if(from, [&](const Atom& other) {
        return other.axis == each.axis && other.factor == each.factor;
      });
      order.push_back(found - from.begin());
    }
    const Dims stored = stored_dims(wanted_.from, wanted_.dims);
    ValueId value = wanted_.source;
    if (!wanted_.from.plain() || from.size() != stored.size()) {
      value = step({"Reshape", {}, {value, target(stored, sizes(from), from)}});
    }
    value = step(transposed(value, *Permutation::of(order)));
    const Layout& layout = wanted_.to;
    std::vector<Atom> whole;
    for (std::size_t place = 0; place < layout.rank(); ++place) {
      whole.push_back({layout.perm[place], 0, wanted_.dims[layout.perm[place]], true});
    }
    last({"Reshape", {}, {value, target(sizes(to), stored_dims(layout, wanted_.dims), whole)}});
    return Converted::transpose;
  }

  /// Elements along an axis one by one, and then the rest: two Transposes would move more.
  Converted through_picks(std::size_t axis) {
    const InnerOrder& inner = *wanted_.to.inner_of(axis);
    Call gather{"Gather",
                {},
                {wanted_.source, stored_ints(graph_, picks(*wanted_.from.inner_of(axis), inner))}};
    gather.attributes.emplace_back("axis",
                                   static_cast<std::int64_t>(wanted_.from.perm.place_of(axis)));
    Layout between = wanted_.from;
    put_inner(between, axis, inner);
    if (between == wanted_.to) {
      last(std::move(gather));
      return Converted::transpose;
    }
    const ValueId picked = step(std::move(gather));
    return convert_layout({graph_, wanted_.reuse, wanted_.before, wanted_.dims, picked, between,
                           wanted_.target, wanted_.to});
  }

  static Dims sizes(const std::vector<Atom>& pieces) {
    Dims out;
    for (const Atom& each : pieces) out.push_back(each.size);
    return out;
  }

  /// The shape that a Reshape from `from` to `to` is given; `axes` says which axis each size of
  /// `to` is where it is open.
  ValueId target(const Dims& from, const Dims& to, const std::vector<Atom>& axes) {
    if (const auto numbers = told(from, to)) return stored_ints(graph_, *numbers);
    const ValueId shape = step({"Shape", {}, {wanted_.source}});
    std::vector<ValueId> parts;
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (const auto number = to[i].number()) {
        parts.push_back(stored_ints(graph_, std::vector{*number}));
        continue;
      }
      const std::vector place{static_cast<std::int64_t>(wanted_.from.perm.place_of(axes[i].axis))};
      parts.push_back(step({"Gather", {}, {shape, stored_ints(graph_, place)}}));
    }
    Call joined{"Concat", {}, std::move(parts)};
    joined.attributes.emplace_back("axis", std::int64_t{0});
    return step(std::move(joined));
  }

  struct Call {
    std::string op_type;
    std::vector<Attribute> attributes;
    std::vector<ValueId> inputs;
  };

  static Call transposed(ValueId input, const Permutation& perm) {
    Call made{"Transpose", {}, {input}};
    made.attributes.emplace_back("perm", perm.ints());
    return made;
  }

  Call with_axes(const std::string& op_type, ValueId input, const std::vector<std::int64_t>& axes) {
    Call made{op_type, {}, {input}};
    if (opset() >= kAxesAreAnInput) {
      made.inputs.push_back(stored_ints(graph_, axes));
    } else {
      made.attributes.emplace_back("axes", axes);
    }
    return made;
  }

  [[nodiscard]] std::int64_t opset() const { return graph_.opset().value_or(1); }
  [[nodiscard]] std::string target_name() const {
    return std::string(graph_.value_name(wanted_.target));
  }

  ValueId step(Call call) {
    const std::string name = graph_.fresh_name(target_name() + "/" + call.op_type);
    const ValueId made = graph_.intern(name);
    add(std::move(call), made);
    return made;
  }

  void add(Call call, ValueId output) {
    Node node;
    node.name = Text(graph_.value_name(output));
    node.op_type = Text(std::move(call.op_type));
    node.attributes = std::move(call.attributes);
    node.inputs = std::move(call.inputs);
    node.outputs.push_back(output);
    graph_.add_node(std::move(node), wanted_.before);
  }

  /// The node that makes the target.
  void last(Call call) {
    const NodeId reuse = wanted_.reuse;
    if (!reuse) return add(std::move(call), wanted_.target);
    graph_.remove_attribute(reuse, "perm");
    for (Attribute& each : call.attributes) graph_.set_attribute(reuse, std::move(each));
    if (!graph_.node(reuse).is(call.op_type)) graph_.set_op_type(reuse, call.op_type, "");
    graph_.set_inputs(reuse, std::move(call.inputs));
  }

  const LayoutConversion& wanted_;
  Graph& graph_;
};

}  // namespace

Converted convert_layout(const LayoutConversion& wanted) { return Writer(wanted).write(); }

}  // namespace pot
