#include <algorithm>
#include <optional>

#include "passes/drop_no_ops.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

bool only_reshapes(const Node& node) {
  return node.is("Reshape") || node.is("Flatten") || node.is("Squeeze") || node.is("Unsqueeze");
}

/// How much of a number a dtype holds: every value of one with fewer bits of the same kind.
struct Width {
  int kind = 0;  // 0: not told; 1: signed, 2: unsigned, 3: floating-point
  int bits = 0;
};

Width width_of(DType dtype) {
  switch (dtype) {
    case DType::int8:
      return {1, 8};
    case DType::int16:
      return {1, 16};
    case DType::int32:
      return {1, 32};
    case DType::int64:
      return {1, 64};
    case DType::uint8:
      return {2, 8};
    case DType::uint16:
      return {2, 16};
    case DType::uint32:
      return {2, 32};
    case DType::uint64:
      return {2, 64};
    case DType::float16:
      return {3, 16};
    case DType::float32:
      return {3, 32};
    case DType::float64:
      return {3, 64};
    default:
      return {};
  }
}

/// A Cast to `between` and on loses nothing that a Cast all the way would keep. Across kinds what
/// does not fit is converted in ways of its own, so those stay.
bool holds_all(DType between, DType from) {
  if (between == from || from == DType::boolean) return width_of(between).kind != 0;
  const Width wide = width_of(between);
  const Width narrow = width_of(from);
  return wide.kind != 0 && wide.kind == narrow.kind && wide.bits >= narrow.bits;
}

class ChainMerging {
 public:
  ChainMerging(Graph& graph, const ModelFacts& facts, Changes& changes)
      : graph_(graph), facts_(facts), changes_(changes) {}

  std::size_t run() {
    const std::vector<NodeId> listing(graph_.nodes().begin(), graph_.nodes().end());
    std::size_t merged = 0;
    for (const NodeId id : listing) {
      const Node& node = graph_.node(id);
      if (node.outputs.size() != 1 || node.inputs.empty() || !node.inputs[0]) continue;
      if (node.is("Concat")) {
        if (drop_empty_inputs(id)) ++merged;
        continue;
      }
      const NodeId before = graph_.value(node.inputs[0]).producer;
      if (!before || graph_.node(before).inputs.empty() || !graph_.node(before).inputs[0]) continue;
      if (merge(before, id)) ++merged;
    }
    return merged;
  }

 private:
  bool merge(NodeId first, NodeId second) {
    const Node& a = graph_.node(first);
    const Node& b = graph_.node(second);
    if (only_reshapes(a) && only_reshapes(b)) return merge_reshapes(a.inputs[0], second);
    if (a.is("Transpose") && b.is("Transpose")) return merge_transposes(a, second);
    if (a.is("Cast") && b.is("Cast")) return merge_casts(a.inputs[0], second);
    if (a.is("Slice") && b.is("Slice")) return merge_slices(a, b);
    return false;
  }

  const Fact& fact(ValueId id) const { return facts_.of(graph_, id); }

  bool merge_reshapes(ValueId source, NodeId second) {
    const ValueId between = graph_.node(second).inputs[0];
    const ValueId output = graph_.node(second).outputs[0];
    const Fact& made = fact(output);
    if (made.has_rank() && fact(source).has_rank() && *made.dims == *fact(source).dims) {
      return stand_in(graph_, output, source, changes_);
    }
    const auto target = target_of(made);
    const bool alone = graph_.uses(between).size() == 1 && !graph_.value(between).is_output;
    if (!target || !alone) return false;
    const ValueId shape = graph_.set_initializer(
        make_int64s(graph_.fresh_name(std::string(graph_.value_name(output)) + "_shape"), *target));
    for (const char* attribute : {"axis", "axes", "allowzero"}) {
      graph_.remove_attribute(second, attribute);
    }
    graph_.set_op_type(second, "Reshape", "");
    graph_.set_inputs(second, {source, shape});
    return true;
  }

  /// What a Reshape to these sizes takes. One may be left to the runtime, unless a size is 0: then
  /// it could be anything.
  static std::optional<std::vector<std::int64_t>> target_of(const Fact& made) {
    if (!made.has_rank()) return std::nullopt;
    std::vector<std::int64_t> target;
    for (const Expr& dim : *made.dims) target.push_back(dim.number().value_or(-1));
    if (std::ranges::count(target, -1) > 1 || std::ranges::count(target, 0) != 0) {
      return std::nullopt;
    }
    return target;
  }

  bool merge_transposes(const Node& a, NodeId second) {
    const auto* inner = a.attr_ints("perm");
    const auto* outer = graph_.node(second).attr_ints("perm");
    if (!inner || !outer || inner->size() != outer->size()) return false;
    std::vector<std::int64_t> perm;
    bool in_place = true;
    for (const std::int64_t axis : *outer) {
      if (axis < 0 || axis >= static_cast<std::int64_t>(inner->size())) return false;
      perm.push_back((*inner)[static_cast<std::size_t>(axis)]);
      in_place = in_place && perm.back() == static_cast<std::int64_t>(perm.size()) - 1;
    }
    const ValueId source = a.inputs[0];
    if (in_place) return stand_in(graph_, graph_.node(second).outputs[0], source, changes_);
    graph_.set_attribute(second, Attribute("perm", std::move(perm)));
    graph_.set_inputs(second, {source});
    return true;
  }

  bool merge_casts(ValueId source, NodeId second) {
    const Node& b = graph_.node(second);
    if (!holds_all(fact(b.inputs[0]).dtype, fact(source).dtype)) return false;
    graph_.set_inputs(second, {source});
    return true;
  }

  /// Of one Slice; nothing unless all of it is known.
  struct Cuts {
    std::vector<std::int64_t> starts, ends, axes, steps;
  };

  std::optional<Cuts> cuts_of(const Node& node) const {
    const Fact& data = facts_.seen_from(graph_, node.inputs[0]);
    const auto listed = [&](std::size_t slot) {
      return slot < node.inputs.size() && node.inputs[slot]
                 ? constant_numbers(node.inputs[slot])
                 : std::optional<std::vector<std::int64_t>>();
    };
    auto starts = listed(1), ends = listed(2), axes = listed(3), steps = listed(4);
    if (!starts || !ends || !axes || !data.has_rank()) return std::nullopt;
    if (!steps && node.inputs.size() > 4 && node.inputs[4]) return std::nullopt;
    Cuts cuts{std::move(*starts), std::move(*ends), {}, {}};
    cuts.steps = steps ? std::move(*steps) : std::vector<std::int64_t>(cuts.starts.size(), 1);
    for (const std::int64_t each : *axes) {
      const auto axis = normalized_axis(each, data.rank());
      if (!axis) return std::nullopt;
      cuts.axes.push_back(static_cast<std::int64_t>(*axis));
    }
    const std::size_t count = cuts.starts.size();
    const bool whole =
        cuts.ends.size() == count && cuts.axes.size() == count && cuts.steps.size() == count;
    return whole ? std::optional(std::move(cuts)) : std::nullopt;
  }

  std::optional<std::vector<std::int64_t>> constant_numbers(ValueId id) const {
    const TensorRef tensor = constant_of(graph_, id);
    if (!tensor || tensor->count().value_or(kMostElements + 1) > kMostElements) return std::nullopt;
    auto numbers = read_ints(*tensor);
    return numbers ? std::optional(std::move(numbers).value()) : std::nullopt;
  }

  /// Along different axes they do not meet.
  bool merge_slices(const Node& a, const Node& b) {
    const ValueId between = b.inputs[0];
    const bool alone = graph_.uses(between).size() == 1 && !graph_.value(between).is_output;
    auto first = alone ? cuts_of(a) : std::nullopt;
    const auto second = first ? cuts_of(b) : std::nullopt;
    if (!second) return false;
    for (const std::int64_t axis : second->axes) {
      if (std::ranges::count(first->axes, axis) != 0) return false;
    }
    const auto join = [&](std::vector<std::int64_t>& to, const std::vector<std::int64_t>& more,
                          const char* what) {
      to.insert(to.end(), more.begin(), more.end());
      const std::string base = std::string(graph_.value_name(b.outputs[0])) + what;
      return graph_.set_initializer(make_int64s(graph_.fresh_name(base), to));
    };
    const ValueId source = a.inputs[0];
    std::vector<ValueId> inputs{source};
    inputs.push_back(join(first->starts, second->starts, "_starts"));
    inputs.push_back(join(first->ends, second->ends, "_ends"));
    inputs.push_back(join(first->axes, second->axes, "_axes"));
    inputs.push_back(join(first->steps, second->steps, "_steps"));
    graph_.set_inputs(b.id, std::move(inputs));
    return true;
  }

  bool drop_empty_inputs(NodeId id) {
    const Node& node = graph_.node(id);
    const Fact& made = fact(node.outputs[0]);
    if (!made.has_rank()) return false;
    const auto axis = normalized_axis(node.attr_int("axis").value_or(0), made.rank());
    if (!axis || (*made.dims)[*axis].is(0)) return false;
    std::vector<ValueId> inputs = node.inputs;
    std::erase_if(inputs, [&](ValueId input) {
      const Fact& part = fact(input);
      return part.has_rank() && *axis < part.rank() && (*part.dims)[*axis].is(0);
    });
    if (inputs.empty() || inputs.size() == node.inputs.size()) return false;
    graph_.set_inputs(id, std::move(inputs));
    return true;
  }

  Graph& graph_;
  const ModelFacts& facts_;
  Changes& changes_;
};

}  // namespace

Result<bool> merge_chains(Model& model, const ModelFacts& facts, Changes& changes) {
  std::size_t merged = 0;
  for (const GraphPtr& graph : graphs_of(model)) {
    merged += ChainMerging(*graph, facts, changes).run();
  }
  changes.count("merged nodes that follow one another", merged);
  return merged != 0;
}

}  // namespace pot
