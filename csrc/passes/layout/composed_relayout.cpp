#include "passes/layout/composed_relayout.h"

#include <algorithm>

#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// What is stored as `second` of what is stored as `first`; nothing when both reorder an axis
/// within itself.
std::optional<Layout> both(const Layout& first, const Layout& second) {
  if (first.rank() != second.rank()) return std::nullopt;
  Layout made = before_transpose(first.perm, second);
  for (const InnerOrder& one : first.inner) {
    if (made.inner_of(one.axis)) return std::nullopt;
    made.inner.push_back(one);
  }
  std::ranges::sort(made.inner, {}, &InnerOrder::axis);
  return made;
}

/// Nothing for a constant that lies otherwise: its elements are not at hand.
std::optional<Fact> relaid(const Fact& fact, const Layout& layout) {
  if (layout.is_identity() || !fact.has_rank()) return fact;
  if (fact.constant) return std::nullopt;
  return tensor_fact(fact.dtype, stored_dims(layout, *fact.dims));
}

class Composition {
 public:
  Composition(const LayoutNode& node, const Relayout& first) : node_(node), first_(first) {}

  /// The node that `first` draws, as if the file had it.
  [[nodiscard]] bool draw() {
    if (first_.nodes.size() > 1) return false;
    if (first_.nodes.empty()) own_ = redrawn(node_);
    const DrawnNode& drawn = base();
    drawn_.name = node_.at().node().name;
    drawn_.op_type = Text(drawn.op_type);
    drawn_.domain = Text(drawn.domain);
    for (const Attribute& one : drawn.attributes) drawn_.attributes.push_back(one.clone());
    drawn_.outputs = node_.at().node().outputs;
    return std::ranges::all_of(drawn.inputs, [&](const DrawnInput& one) { return add(one); }) &&
           add_outputs();
  }

  [[nodiscard]] std::optional<Relayout> ask(Operand operand, const Layout& layout) const {
    const OpEntry* entry = op_table().find(drawn_.domain.value, drawn_.op_type.value);
    if (!entry || !entry->layout) return std::nullopt;
    const Graph& graph = node_.at().graph();
    const NodeFacts at(graph, drawn_, graph.opset(drawn_.domain.value).value_or(0), inputs_);
    const LayoutNode drawn(at, outputs_);
    if (!operand.output) {
      const auto& inputs = base().inputs;
      const auto found = std::ranges::find_if(inputs, [&](const DrawnInput& one) {
        return one.from == DrawnInput::From::input && one.index == operand.slot;
      });
      if (found == inputs.end() || !found->take.empty()) return std::nullopt;
      operand.slot = static_cast<std::size_t>(found - inputs.begin());
    }
    auto second = entry->layout(drawn, operand, layout);
    if (!second) return std::nullopt;
    return compose(std::move(second.value()));
  }

 private:
  [[nodiscard]] const DrawnNode& base() const {
    return first_.nodes.empty() ? own_ : first_.nodes.front();
  }

  bool add(const DrawnInput& input) {
    if (!input.unsqueeze.empty() || input.from == DrawnInput::From::drawn) return false;
    if (input.from == DrawnInput::From::input) {
      if (input.index >= first_.inputs.size()) return false;
      const auto fact = relaid(node_.at().in(input.index), first_.inputs[input.index]);
      if (!fact) return false;
      drawn_.inputs.push_back(node_.at().node().inputs[input.index]);
      inputs_.push_back(input.take.empty() ? *fact : without_elements(*fact));
      return true;
    }
    const bool constant = input.from == DrawnInput::From::constant;
    if (constant && !input.take.empty()) return false;
    // Whichever value it is: rules look at what is known of it.
    drawn_.inputs.push_back(constant ? node_.at().node().outputs.front() : ValueId{});
    inputs_.push_back(constant ? constant_fact(input.tensor) : Fact{});
    return true;
  }

  bool add_outputs() {
    if (first_.outputs.size() != drawn_.outputs.size()) return false;
    for (std::size_t slot = 0; slot < first_.outputs.size(); ++slot) {
      auto fact = relaid(node_.out(slot), first_.outputs[slot]);
      if (!fact) return false;
      outputs_.push_back(std::move(*fact));
    }
    return true;
  }

  [[nodiscard]] std::optional<Relayout> compose(Relayout second) const {
    Relayout made;
    made.inputs = first_.inputs;
    made.outputs = first_.outputs;
    if (second.inputs.size() != base().inputs.size()) return std::nullopt;
    if (second.outputs.size() != made.outputs.size()) return std::nullopt;
    for (std::size_t slot = 0; slot < second.inputs.size(); ++slot) {
      const DrawnInput& input = base().inputs[slot];
      const bool moves = !second.inputs[slot].is_identity();
      if (moves && (input.from != DrawnInput::From::input || !input.take.empty())) {
        return std::nullopt;
      }
      if (!moves) continue;
      const auto layout = both(first_.inputs[input.index], second.inputs[slot]);
      if (!layout || is_read_twice(input.index)) return std::nullopt;
      made.inputs[input.index] = *layout;
    }
    for (std::size_t slot = 0; slot < second.outputs.size(); ++slot) {
      const auto layout = both(first_.outputs[slot], second.outputs[slot]);
      if (!layout) return std::nullopt;
      made.outputs[slot] = *layout;
    }
    if (second.nodes.empty() && first_.nodes.empty()) return made;
    if (second.nodes.empty()) second.nodes.push_back(redrawn_base());
    for (DrawnNode& drawn : second.nodes) {
      for (DrawnInput& input : drawn.inputs) {
        if (input.from == DrawnInput::From::input && !replace(input)) return std::nullopt;
      }
    }
    made.nodes = std::move(second.nodes);
    return made;
  }

  /// The drawn node in its own coordinates, reading its own slots.
  [[nodiscard]] DrawnNode redrawn_base() const {
    DrawnNode made{.op_type = base().op_type, .domain = base().domain};
    for (const Attribute& one : base().attributes) made.attributes.push_back(one.clone());
    for (std::size_t slot = 0; slot < base().inputs.size(); ++slot) {
      const bool omitted = base().inputs[slot].from == DrawnInput::From::nothing;
      made.inputs.push_back(omitted ? DrawnInput{} : from_input(slot));
    }
    return made;
  }

  /// What the second answer reads at a slot of the drawn node, as a slot of the node itself.
  [[nodiscard]] bool replace(DrawnInput& input) const {
    if (input.index >= base().inputs.size()) return false;
    const DrawnInput& source = base().inputs[input.index];
    if (source.from == DrawnInput::From::nothing) return false;
    if (!source.take.empty()) {
      std::vector<std::int64_t> take = input.take.empty() ? source.take : input.take;
      if (!input.take.empty()) {
        for (std::int64_t& element : take) {
          if (element < 0 || static_cast<std::size_t>(element) >= source.take.size()) return false;
          element = source.take[static_cast<std::size_t>(element)];
        }
      }
      input.take = std::move(take);
    }
    input.from = source.from;
    input.index = source.index;
    input.tensor = source.tensor;
    return true;
  }

  [[nodiscard]] bool is_read_twice(std::size_t slot) const {
    return std::ranges::count_if(base().inputs, [&](const DrawnInput& one) {
             return one.from == DrawnInput::From::input && one.index == slot;
           }) > 1;
  }

  const LayoutNode& node_;
  const Relayout& first_;
  DrawnNode own_;  // where `first` draws nothing
  Node drawn_;
  std::vector<Fact> inputs_;
  std::vector<Fact> outputs_;
};

}  // namespace

std::optional<Relayout> composed(const LayoutNode& node, const Relayout& first, Operand operand,
                                 const Layout& layout) {
  Composition composition(node, first);
  if (!composition.draw()) return std::nullopt;
  return composition.ask(operand, layout);
}

}  // namespace pot
