// The float sketch of a quantized graph, built by hand, so that the sanitizers see it.

#include <string>
#include <vector>

#include "check.h"
#include "passes/quantization.h"

namespace {

using namespace pot;

struct Built {
  ModelPtr model = std::make_shared<Model>();

  Built() { model->set_opset("", 17); }
  Graph& graph() { return model->graph(); }

  void node(const char* op, std::vector<const char*> outputs, std::vector<const char*> inputs) {
    Node node;
    node.op_type = Text(op);
    for (const char* name : inputs) node.inputs.push_back(graph().intern(name));
    for (const char* name : outputs) node.outputs.push_back(graph().intern(name));
    graph().add_node(std::move(node));
  }
  void integers(const char* name) {
    const std::vector<std::int8_t> elements{1, 2, 3, 4};
    graph().set_initializer(
        make_tensor_copy(name, DType::int8, {2, 2}, std::as_bytes(std::span(elements))));
  }
  FloatSketch sketch(bool rectifiers = false) {
    graph().add_input(graph().intern("x"), tensor_type(DType::float32, std::vector<Dim>{}));
    graph().add_output(graph().intern("y"), nullptr);
    return float_sketch(*model, rectifiers).value();
  }
};

std::string ops(const FloatSketch& sketch) {
  std::string text;
  for (const NodeId id : sketch.model->graph().nodes()) {
    text += std::string(sketch.model->graph().node(id).op_type) + " ";
  }
  return text;
}

TEST(quantizers_hand_their_values_through) {
  Built built;
  built.node("QuantizeLinear", {"q"}, {"x", "s", "z"});
  built.node("DequantizeLinear", {"d"}, {"q", "s", "z"});
  built.integers("w");
  built.node("DequantizeLinear", {"f"}, {"w", "s", "z"});
  built.node("MatMul", {"m"}, {"d", "f"});
  built.node("Relu", {"y"}, {"m"});
  const FloatSketch made = built.sketch(true);
  CHECK(ops(made) == "Identity Identity MatMul Identity ");
  CHECK(made.links.size() == 3);
  CHECK(made.links[0].from == "x" && made.links[0].to == "q");
  CHECK(to_text(made.links[1].carry) == "dequantizes");
  CHECK(to_text(made.links[2].carry) == "rectifies");
  const Graph& graph = made.model->graph();
  const TensorRef weight = graph.constant(graph.find_value("f"), true);
  CHECK(weight && weight->dtype() == DType::float32 && weight->dims.size() == 2);
}

TEST(integer_sums_are_float_sums) {
  Built built;
  built.node("DynamicQuantizeLinear", {"q", "s", "z"}, {"x"});
  built.integers("w");
  built.node("Mul", {"scale"}, {"s", "ws"});
  built.node("MatMulInteger", {"i"}, {"q", "w", "z"});
  built.node("Cast", {"c"}, {"i"});
  built.node("Mul", {"y"}, {"c", "scale"});
  const FloatSketch made = built.sketch();
  CHECK(ops(made) == "Identity MatMul Identity Identity ");
  CHECK(made.links.back().from == "c" && to_text(made.links.back().carry) == "rescales");
}

TEST(operators_on_integers_read_the_factors_only) {
  Built built;
  built.integers("w");
  built.node("QuantizeLinear", {"q"}, {"x", "s", "z"});
  built.node("QLinearConv", {"i"}, {"q", "s", "z", "w", "ws", "wz", "ys", "yz"});
  built.node("DequantizeLinear", {"y"}, {"i", "ys", "yz"});
  const FloatSketch made = built.sketch();
  CHECK(ops(made) == "Identity Conv Identity ");
  const Graph& graph = made.model->graph();
  const NodeId conv = graph.value(graph.find_value("i")).producer;
  CHECK(graph.node(conv).inputs.size() == 2);
}

TEST(the_bias_behind_an_integer_convolution_belongs_to_it) {
  Built built;
  built.integers("w");
  built.integers("b");
  built.node("DynamicQuantizeLinear", {"q", "s", "z"}, {"x"});
  built.node("ConvInteger", {"i"}, {"q", "w", "z"});
  built.node("Cast", {"c"}, {"i"});
  built.node("Mul", {"m"}, {"c", "s"});
  built.node("Reshape", {"r"}, {"b", "shape"});
  built.node("Add", {"y"}, {"m", "r"});
  const FloatSketch made = built.sketch();
  CHECK(ops(made) == "Identity Conv Identity Identity Identity ");
  CHECK(made.links.size() == 4);
  CHECK(to_text(made.links[2].carry) == "accumulates");
  CHECK(made.links[3].to == "y" && to_text(made.links[3].carry) == "rescales");
}

}  // namespace
