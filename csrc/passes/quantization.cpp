#include "passes/quantization.h"

#include <algorithm>
#include <array>
#include <span>
#include <unordered_set>

#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// An operator on quantized numbers: the float operator that it stands for, and which of its inputs
/// that one reads.
struct Plain {
  std::string_view op_type;
  std::string_view float_op;
  std::array<int, 3> inputs;  ///< -1: none
};

constexpr Plain kPlain[] = {
    {"QLinearConv", "Conv", {0, 3, 8}},
    {"QLinearMatMul", "MatMul", {0, 3, -1}},
    {"ConvInteger", "Conv", {0, 1, -1}},
    {"MatMulInteger", "MatMul", {0, 1, -1}},
    {"MatMulInteger16", "MatMul", {0, 1, -1}},
    {"MatMulIntegerToFloat", "MatMul", {0, 1, -1}},
    {"DynamicQuantizeMatMul", "MatMul", {0, 1, -1}},
    {"MatMulNBits", "MatMul", {0, 1, -1}},
    {"QGemm", "Gemm", {0, 3, 6}},
    {"QLinearAdd", "Add", {0, 3, -1}},
    {"QLinearMul", "Mul", {0, 3, -1}},
    {"QLinearWhere", "Where", {0, 1, 4}},
    {"QLinearSigmoid", "Sigmoid", {0, -1, -1}},
    {"QLinearSoftmax", "Softmax", {0, -1, -1}},
    {"QLinearLeakyRelu", "LeakyRelu", {0, -1, -1}},
    {"QLinearReduceMean", "ReduceMean", {0, -1, -1}},
    {"QLinearAveragePool", "AveragePool", {0, -1, -1}},
    {"QLinearGlobalAveragePool", "GlobalAveragePool", {0, -1, -1}},
    {"GatherBlockQuantized", "Gather", {0, 1, -1}},
};

bool is_ours(const Node& node) { return node.is_standard() || node.domain == ort_domain; }

/// The operators of onnxruntime's domain are those of ONNX, for more types.
bool is_op(const Node& node, std::string_view op_type) {
  return is_ours(node) && node.op_type == op_type;
}

const Plain* plain_of(const Node& node) {
  if (!is_ours(node)) return nullptr;
  const auto found = std::ranges::find(kPlain, std::string_view(node.op_type), &Plain::op_type);
  return found == std::end(kPlain) ? nullptr : found;
}

class Sketcher {
 public:
  Sketcher(ModelPtr model, bool rectifiers)
      : model_(std::move(model)), graph_(model_->graph()), rectifiers_(rectifiers) {}

  Result<FloatSketch> draw() {
    auto order = graph_.order();
    if (!order) return order.error();
    for (const NodeId id : order.value()) visit(id);
    remove_dead(order.value());
    return FloatSketch{model_, std::move(links_)};
  }

 private:
  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.inputs.empty() || node.outputs.empty() || !node.inputs[0] || !node.outputs[0]) return;
    const bool quantizes = is_op(node, "QuantizeLinear") || is_op(node, "DynamicQuantizeLinear");
    if (quantizes || is_op(node, "DequantizeLinear")) {
      if (!make_constant(id)) {
        hand_through(id, node.inputs[0], quantizes ? Carry::quantizes : Carry::dequantizes);
      }
    } else if (const Plain* plain = plain_of(node)) {
      make_float(id, *plain);
    } else if (is_op(node, "QLinearConcat")) {
      make_concat(id);
    } else if (node.is("Cast") && sums_.contains(node.inputs[0])) {
      sums_.insert(node.outputs[0]);
      if (convolved_.contains(node.inputs[0])) convolved_.insert(node.outputs[0]);
      hand_through(id, node.inputs[0], Carry::accumulates);
    } else if (node.is("Mul") && node.inputs.size() == 2) {
      const auto sum = std::ranges::find_if(node.inputs, [&](auto i) { return sums_.contains(i); });
      if (sum == node.inputs.end()) return;
      if (convolved_.contains(*sum)) convolved_.insert(node.outputs[0]);
      hand_through(id, *sum, Carry::rescales);
    } else if (node.is("Add") && node.inputs.size() == 2) {
      add_bias(id);
    } else if (rectifiers_ && (node.is("Relu") || node.is("Clip"))) {
      hand_through(id, node.inputs[0], Carry::rectifies);
    } else if (node.is("Gather") && is_small(node.inputs[0])) {
      widen(node.inputs[0]);
    }
  }

  /// ConvInteger has no bias: it is added behind, and only then it is what Conv makes.
  void add_bias(NodeId id) {
    const Node& node = graph_.node(id);
    for (const std::size_t slot : {0U, 1U}) {
      const ValueId sum = node.inputs[slot], bias = node.inputs[1 - slot];
      if (!convolved_.contains(sum) || !bias || !from_constant(bias)) continue;
      const std::string_view name = graph_.value_name(sum);
      const auto link = std::ranges::find(links_, name, &FloatSketch::Link::to);
      if (link == links_.end() || link->carry != Carry::rescales) return;
      link->carry = Carry::accumulates;
      return hand_through(id, sum, Carry::rescales);
    }
  }

  /// A constant, or one in another shape.
  bool from_constant(ValueId id) const {
    if (constant(id)) return true;
    const NodeId producer = graph_.value(id).producer;
    if (!producer) return false;
    const Node& node = graph_.node(producer);
    return (node.is("Reshape") || node.is("Unsqueeze")) && node.inputs[0] &&
           constant(node.inputs[0]);
  }

  void hand_through(NodeId id, ValueId source, Carry carry) {
    const ValueId made = graph_.node(id).outputs[0];
    links_.push_back(
        {std::string(graph_.value_name(source)), std::string(graph_.value_name(made)), carry});
    forget_attributes(id);
    graph_.set_op_type(id, "Identity", "");
    graph_.set_inputs(id, {source});
    graph_.set_outputs(id, {made});
  }

  void forget_attributes(NodeId id) {
    std::vector<std::string> names;
    for (const Attribute& attribute : graph_.node(id).attributes)
      names.push_back(attribute.name.value);
    for (const std::string& name : names) graph_.remove_attribute(id, name);
  }

  /// What quantizes or dequantizes a constant makes a constant.
  bool make_constant(NodeId id) {
    const Node& node = graph_.node(id);
    const TensorRef held = constant(node.inputs[0]);
    const ValueId made = node.outputs[0];
    if (!held || graph_.value(made).is_output) return false;
    auto dims = held->dims;
    const std::string name(graph_.value_name(made));
    graph_.remove_node(id);
    set_stub(name, std::move(dims));
    return true;
  }

  void make_float(NodeId id, const Plain& plain) {
    const Node& node = graph_.node(id);
    std::vector<ValueId> inputs;
    for (const int slot : plain.inputs) {
      const auto place = static_cast<std::size_t>(slot);
      if (slot >= 0 && place < node.inputs.size()) inputs.push_back(node.inputs[place]);
    }
    if (node.op_type == "MatMulInteger" || node.op_type == "ConvInteger") {
      sums_.insert(node.outputs[0]);
      if (node.op_type == "ConvInteger") convolved_.insert(node.outputs[0]);
    }
    if (node.op_type == "MatMulNBits") {
      const auto rows = node.attr_int("K"), columns = node.attr_int("N");
      if (rows && columns && inputs.size() == 2 && constant(inputs[1])) {
        set_stub(std::string(graph_.value_name(inputs[1])), {*rows, *columns});
      }
      forget_attributes(id);
    }
    for (std::size_t slot = 1; slot < inputs.size(); ++slot) widen(inputs[slot]);
    graph_.set_op_type(id, std::string(plain.float_op), "");
    graph_.set_inputs(id, std::move(inputs));
  }

  /// Inputs are scale and zero point of the result, then value, scale and zero point of each part.
  void make_concat(NodeId id) {
    const std::vector<ValueId> given = graph_.node(id).inputs;
    std::vector<ValueId> inputs;
    for (std::size_t slot = 2; slot < given.size(); slot += 3) inputs.push_back(given[slot]);
    graph_.set_op_type(id, "Concat", "");
    graph_.set_inputs(id, std::move(inputs));
  }

  /// A weight of integers becomes one of floats.
  void widen(ValueId id) {
    const TensorRef held = id ? constant(id) : nullptr;
    if (!held || held->dtype() == DType::float32 || !graph_.value(id).initializer) return;
    set_stub(std::string(graph_.value_name(id)), held->dims);
  }

  /// Quantized embeddings are gathered before they are dequantized.
  bool is_small(ValueId id) const {
    const TensorRef held = constant(id);
    return held && dtype_bits(held->dtype()) <= 8;
  }

  TensorRef constant(ValueId id) const {
    if (TensorRef tensor = graph_.constant(id, true)) return tensor;
    const NodeId producer = graph_.value(id).producer;
    if (!producer || !graph_.node(producer).is("Constant")) return nullptr;
    return graph_.node(producer).attr_tensor("value");
  }

  void set_stub(std::string name, std::vector<std::int64_t> dims) {
    auto stub = std::make_shared<Tensor>();
    stub->name = Text(std::move(name));
    stub->data_type = static_cast<std::int32_t>(DType::float32);
    stub->dims = std::move(dims);
    graph_.set_initializer(std::move(stub));
  }

  /// Scales that nothing reads any more.
  void remove_dead(const std::vector<NodeId>& order) {
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      const Node* node = graph_.find(*it);
      if (!node) continue;
      const bool read = std::ranges::any_of(node->outputs, [&](ValueId id) {
        return id && (graph_.value(id).is_output || !graph_.uses(id).empty());
      });
      if (!read) graph_.remove_node(*it);
    }
  }

  ModelPtr model_;
  Graph& graph_;
  bool rectifiers_;
  std::unordered_set<ValueId> sums_;       // of integer products, not rescaled yet
  std::unordered_set<ValueId> convolved_;  // those of ConvInteger, rescaled ones too
  std::vector<FloatSketch::Link> links_;
};

}  // namespace

std::string_view to_text(Carry carry) noexcept {
  switch (carry) {
    case Carry::quantizes:
      return "quantizes";
    case Carry::dequantizes:
      return "dequantizes";
    case Carry::accumulates:
      return "accumulates";
    case Carry::rescales:
      return "rescales";
    case Carry::rectifies:
      return "rectifies";
  }
  return "";
}

Result<FloatSketch> float_sketch(const Model& model, bool rectifiers) {
  return Sketcher(model.copy(), rectifiers).draw();
}

}  // namespace pot
