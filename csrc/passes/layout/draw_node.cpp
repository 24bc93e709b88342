#include "passes/layout/draw_node.h"

#include <algorithm>
#include <utility>

#include "passes/stand_in.h"

namespace pot {
namespace {

constexpr std::int64_t kAxesAreAnInput = 13;  // of Squeeze and Unsqueeze
constexpr std::size_t kMostInName = 8;

/// The same elements with some axes of size 1 taken out and others put in.
TensorRef with_unit_axes(const TensorRef& tensor, std::vector<std::int64_t> out,
                         std::vector<std::int64_t> in) {
  std::ranges::sort(out, std::greater());
  std::ranges::sort(in);
  auto made = std::make_shared<Tensor>(*tensor->renamed(""));
  made->source.reset();
  for (const std::int64_t axis : out) made->dims.erase(made->dims.begin() + axis);
  for (const std::int64_t axis : in) made->dims.insert(made->dims.begin() + axis, 1);
  return made;
}

/// "ints_2_3": equal lists meet under one name, so that they are stored once.
std::string ints_name(std::span<const std::int64_t> ints) {
  if (ints.size() > kMostInName) return std::string(kIntsName) + "many";
  std::string name = "ints";
  for (const std::int64_t number : ints) {
    name += (number < 0 ? "_m" : "_") + std::to_string(number < 0 ? -number : number);
  }
  return name;
}

bool same_attributes(const std::vector<Attribute>& a, const std::vector<Attribute>& b) {
  return std::ranges::equal(a, b, same_value);
}

class Drawing {
 public:
  Drawing(Graph& graph, NodeId node, const Relayout& relayout, const std::vector<ValueId>& inputs)
      : graph_(graph), node_(node), relayout_(relayout), inputs_(inputs) {}

  Status draw() {
    if (relayout_.nodes.empty()) {
      read(inputs_);
      return ok_status();
    }
    const std::vector<ValueId> outputs = hand_out();
    for (const DrawnNode& drawn : relayout_.nodes) {
      std::vector<ValueId> operands;
      for (const DrawnInput& input : drawn.inputs) {
        auto value = operand(input);
        if (!value) return value.error();
        operands.push_back(value.value());
      }
      if (&drawn == &relayout_.nodes.back()) {
        redraw(drawn, std::move(operands));
      } else {
        const ValueId made = drawn.makes ? outputs[*drawn.makes] : ValueId{};
        made_.push_back(
            add(drawn.op_type, drawn.domain, drawn.attributes, std::move(operands), made));
      }
    }
    return ok_status();
  }

 private:
  void read(const std::vector<ValueId>& inputs) {
    if (graph_.node(node_).inputs != inputs) graph_.set_inputs(node_, inputs);
  }

  /// Leaves the node the outputs that the last drawn one makes. All that it had, by slot.
  std::vector<ValueId> hand_out() {
    const std::vector<ValueId> outputs = graph_.node(node_).outputs;
    std::vector<bool> others(outputs.size(), false);
    for (const DrawnNode& drawn : relayout_.nodes) {
      if (drawn.makes && &drawn != &relayout_.nodes.back()) others[*drawn.makes] = true;
    }
    if (const auto only = relayout_.nodes.back().makes) {
      others.assign(outputs.size(), true);
      others[*only] = false;
    }
    std::vector<ValueId> own;
    for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
      if (!others[slot]) own.push_back(outputs[slot]);
    }
    if (own != outputs) graph_.set_outputs(node_, own);
    return outputs;
  }

  void redraw(const DrawnNode& drawn, std::vector<ValueId> operands) {
    const Node& node = graph_.node(node_);
    const bool standard = drawn.domain.empty() && node.is_standard();
    if (!(node.op_type == drawn.op_type) || (!standard && !(node.domain == drawn.domain))) {
      graph_.set_op_type(node_, drawn.op_type, drawn.domain);
    }
    if (!same_attributes(node.attributes, drawn.attributes)) {
      std::vector<std::string> gone;
      for (const Attribute& each : node.attributes) gone.push_back(each.name.value);
      for (const std::string& name : gone) graph_.remove_attribute(node_, name);
      for (const Attribute& each : drawn.attributes) graph_.set_attribute(node_, each.clone());
    }
    read(operands);
  }

  ValueId add(const std::string& op_type, const std::string& domain,
              const std::vector<Attribute>& attributes, std::vector<ValueId> operands,
              ValueId made = {}) {
    const std::string name = made ? base() + "/" + std::string(graph_.value_name(made))
                                  : graph_.fresh_name(base() + "/" + op_type);
    Node node;
    node.name = Text(name);
    node.op_type = Text(op_type);
    if (!domain.empty()) node.domain = Text(domain);
    for (const Attribute& each : attributes) node.attributes.push_back(each.clone());
    node.inputs = std::move(operands);
    if (!made) made = graph_.intern(name);
    node.outputs.push_back(made);
    graph_.add_node(std::move(node), node_);
    return made;
  }

  /// What new nodes and values are named after.
  std::string base() const {
    const Node& node = graph_.node(node_);
    if (!node.name.empty()) return node.name.value;
    for (const ValueId output : node.outputs) {
      if (output) return std::string(graph_.value_name(output));
    }
    return node.op_type.value;
  }

  Result<ValueId> operand(const DrawnInput& input) {
    switch (input.from) {
      case DrawnInput::From::nothing:
        return ValueId{};
      case DrawnInput::From::constant:
        return constant(input.tensor, input);
      case DrawnInput::From::drawn:
        assert(input.index < made_.size());
        return reshaped(made_[input.index], input);
      case DrawnInput::From::input:
        break;
    }
    assert(input.index < inputs_.size());
    const ValueId value = inputs_[input.index];
    if (input.take.empty() && input.squeeze.empty() && input.unsqueeze.empty()) return value;
    if (const TensorRef tensor = constant_of(graph_, value)) return constant(tensor, input);
    return reshaped(value, input);
  }

  /// What a run-time operand still needs: its elements in another order, axes of size 1.
  ValueId reshaped(ValueId value, const DrawnInput& input) {
    if (!input.take.empty()) {
      value = add("Gather", "", {}, {value, stored_ints(graph_, input.take)});
    }
    value = with_axes("Squeeze", value, input.squeeze);
    return with_axes("Unsqueeze", value, input.unsqueeze);
  }

  ValueId with_axes(const std::string& op_type, ValueId value,
                    const std::vector<std::int64_t>& axes) {
    if (axes.empty()) return value;
    if (graph_.opset().value_or(1) >= kAxesAreAnInput) {
      return add(op_type, "", {}, {value, stored_ints(graph_, axes)});
    }
    std::vector<Attribute> attributes;
    attributes.emplace_back("axes", axes);
    return add(op_type, "", attributes, {value});
  }

  Result<ValueId> constant(TensorRef tensor, const DrawnInput& input) {
    if (!input.take.empty()) {
      auto some = taken(*tensor, input.take);
      if (!some) return some.error();
      tensor = std::move(some).value();
    }
    if (!input.squeeze.empty() || !input.unsqueeze.empty()) {
      tensor = with_unit_axes(tensor, input.squeeze, input.unsqueeze);
    }
    if (tensor->dtype() == DType::int64 && tensor->dims.size() == 1) {
      if (const auto ints = read_ints(*tensor)) return stored_ints(graph_, ints.value());
    }
    if (input.from != DrawnInput::From::input) {
      const std::string own = tensor->name.empty() ? "constant" : tensor->name.value;
      return graph_.set_initializer(tensor->renamed(graph_.fresh_name(base() + "/" + own)));
    }
    const ValueId value = inputs_[input.index];
    const std::string name(graph_.value_name(value));
    return graph_.set_initializer(
        tensor->renamed(only_read_here(input.index) ? name : graph_.fresh_name(name)));
  }

  /// An initializer that nothing else reads can have another shape under its name.
  [[nodiscard]] bool only_read_here(std::size_t slot) const {
    const ValueId id = inputs_[slot];
    const Value& value = graph_.value(id);
    if (!value.initializer || value.is_input || value.is_output || value.info_index >= 0) {
      return false;
    }
    const auto same = [&](ValueId other) { return other == id; };
    std::size_t reads = 0;
    for (const DrawnNode& drawn : relayout_.nodes) {
      reads +=
          static_cast<std::size_t>(std::ranges::count_if(drawn.inputs, [&](const DrawnInput& each) {
            return each.from == DrawnInput::From::input && same(inputs_[each.index]);
          }));
    }
    const std::vector<Use> uses = graph_.uses(id);
    return reads == 1 && !uses.empty() && std::ranges::all_of(uses, [&](const Use& use) {
             return use.node == node_ && use.slot != Use::kCaptured;
           });
  }

  /// As Gather along the only axis.
  static Result<TensorRef> taken(const Tensor& tensor, const std::vector<std::int64_t>& order) {
    const auto data = tensor.data();
    if (!data) return data.error();
    const std::size_t size = dtype_bits(tensor.dtype()) / 8;
    const auto count = static_cast<std::int64_t>(tensor.dims.size() == 1 ? tensor.dims[0] : 0);
    std::vector<std::byte> bytes;
    for (const std::int64_t index : order) {
      if (index < 0 || index >= count || size == 0) {
        return refuse("constant '" + tensor.name.value + "' has no element " +
                      std::to_string(index) + " to take");
      }
      const ByteView one = data.value().view.subspan(static_cast<std::size_t>(index) * size, size);
      bytes.insert(bytes.end(), one.begin(), one.end());
    }
    return make_tensor_copy(tensor.name.value, tensor.dtype(),
                            {static_cast<std::int64_t>(order.size())}, bytes);
  }

  Graph& graph_;
  NodeId node_;
  const Relayout& relayout_;
  const std::vector<ValueId>& inputs_;
  std::vector<ValueId> made_;  // by drawn node
};

}  // namespace

ValueId stored_ints(Graph& graph, std::span<const std::int64_t> ints) {
  for (const TensorRef& each : graph.initializers()) {
    if (each->dtype() != DType::int64 || each->dims.size() != 1) continue;
    if (each->dims[0] != static_cast<std::int64_t>(ints.size())) continue;
    const ValueId known = graph.find_value(each->name);
    if (!known || !constant_of(graph, known)) continue;
    const auto elements = read_ints(*each);
    if (elements && std::ranges::equal(elements.value(), ints)) return known;
  }
  return graph.set_initializer(make_int64s(graph.fresh_name(ints_name(ints)), ints));
}

Status draw_node(Graph& graph, NodeId node, const Relayout& relayout,
                 const std::vector<ValueId>& inputs) {
  return Drawing(graph, node, relayout, inputs).draw();
}

}  // namespace pot
