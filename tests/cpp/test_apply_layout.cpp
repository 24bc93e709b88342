// Relaid constants, nodes that rules draw, conversions between layouts, and plans carried out.

#include <algorithm>
#include <string>
#include <vector>

#include "ir/verify.h"
#include "layout_models.h"
#include "passes/layout/apply_layout.h"
#include "passes/layout/change_layout.h"
#include "passes/layout/convert_layout.h"
#include "passes/layout/draw_node.h"

namespace {

using namespace pot;
using namespace pot::layout_models;

Permutation order(const Ints& axes) { return *Permutation::of(axes); }

Layout shuffled(const Ints& axes, InnerOrder inner) {
  Layout layout(order(axes));
  layout.inner.push_back(std::move(inner));
  return layout;
}

Ints numbers(const Result<TensorRef>& tensor) {
  CHECK(tensor.ok());
  if (!tensor) return {};
  const auto ints = read_ints(*tensor.value());
  CHECK(ints.ok());
  return ints ? ints.value() : Ints{};
}

TensorRef bytes_of(DType dtype, Ints dims, const std::vector<std::uint8_t>& bytes) {
  return make_tensor_copy("c", dtype, std::move(dims), std::as_bytes(std::span(bytes)));
}

/// "y = Transpose(x)" of each node.
std::vector<std::string> texts(const Graph& graph) {
  std::vector<std::string> out;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    std::string text;
    for (const ValueId output : node.outputs) text += std::string(graph.value_name(output));
    text += " = " + node.op_type.value + "(";
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      text += (i ? ", " : "") + std::string(graph.value_name(node.inputs[i]));
    }
    out.push_back(text + ")");
  }
  return out;
}

std::vector<std::string> converted(const Dims& dims, const Layout& from, const Layout& to,
                                   std::int64_t opset = 17) {
  const ModelPtr model = empty_model();
  model->set_opset("", opset);
  Graph& graph = model->graph();
  (void)convert_layout({graph, {}, {}, dims, graph.intern("x"), from, graph.intern("y"), to});
  std::vector<std::string> out;
  for (const NodeId id : graph.nodes()) out.push_back(graph.node(id).op_type.value);
  return out;
}

using Ops = std::vector<std::string>;

TEST(a_constant_is_stored_in_another_order) {
  const TensorRef tensor = bytes_of(DType::uint8, {2, 3}, {0, 1, 2, 3, 4, 5});
  CHECK(numbers(relaid(*tensor, order({1, 0}), "t")) == Ints({0, 3, 1, 4, 2, 5}));
  const auto made = relaid(*tensor, order({1, 0}), "t");
  CHECK(made.value()->dims == Ints({3, 2}));
  CHECK_EQ(made.value()->name.value, "t");
}

TEST(indices_within_an_axis_move_by_factors) {
  const TensorRef tensor = bytes_of(DType::uint8, {6}, {0, 1, 2, 3, 4, 5});
  const Layout layout = shuffled({0}, {.axis = 0, .sizes = {2, 3}, .order = order({1, 0})});
  CHECK(numbers(relaid(*tensor, layout, "t")) == Ints({0, 3, 1, 4, 2, 5}));
  const Layout other = shuffled({0}, {.axis = 0, .sizes = {2, 2}, .order = order({1, 0})});
  CHECK_EQ(relaid(*tensor, other, "t").error().message,
           "constant 'c': the factors of axis 0 do not give its size");
}

/// As stored, one number a byte.
Ints stored(const Result<TensorRef>& tensor) {
  CHECK(tensor.ok());
  const auto bytes = tensor.value()->data();
  CHECK(bytes.ok());
  Ints out;
  for (const std::byte each : bytes.value().view) out.push_back(static_cast<std::int64_t>(each));
  return out;
}

TEST(elements_of_less_than_a_byte_are_unpacked_and_packed) {
  // 0 1 2 / 3 4 5, the first in the lowest bits.
  const TensorRef four = bytes_of(DType::uint4, {2, 3}, {0x10, 0x32, 0x54});
  CHECK(stored(relaid(*four, order({1, 0}), "t")) == Ints({0x30, 0x41, 0x52}));
  const TensorRef odd = bytes_of(DType::int4, {1, 3, 1}, {0x21, 0x03});
  CHECK(stored(relaid(*odd, order({1, 0, 2}), "t")) == Ints({0x21, 0x03}));
  // 0 1 2 / 0 1 2 becomes 0 0 / 1 1 / 2 2.
  const TensorRef two = bytes_of(DType::uint2, {2, 3}, {0b00'10'01'00, 0b00'00'10'01});
  CHECK(stored(relaid(*two, order({1, 0}), "t")) == Ints({0b01'01'00'00, 0b00'00'10'10}));
}

TEST(where_only_axes_of_size_1_move_the_bytes_are_shared) {
  const TensorRef tensor = bytes_of(DType::uint8, {1, 3, 2}, {0, 1, 2, 3, 4, 5});
  const auto made = relaid(*tensor, order({1, 0, 2}), "t");
  CHECK(made.value()->dims == Ints({3, 1, 2}));
  CHECK(made.value()->raw->view.data() == tensor->raw->view.data());
}

TEST(what_cannot_be_relaid_says_so) {
  const TensorRef tensor = bytes_of(DType::uint8, {2, 3}, {0, 1, 2, 3, 4, 5});
  CHECK_EQ(relaid(*tensor, order({0, 2, 1}), "t").error().message,
           "constant 'c' has rank 2, its layout 3");
  Tensor texts_only;
  texts_only.name = Text("s");
  texts_only.data_type = static_cast<std::int32_t>(DType::string);
  texts_only.dims = {2, 3};
  CHECK_EQ(relaid(texts_only, order({1, 0}), "t").error().message,
           "constant 's' has elements of type string, which are not moved");
  const TensorRef none = bytes_of(DType::uint8, {0, std::int64_t{1} << 62, 4}, {});
  CHECK(relaid(*none, order({2, 1, 0}), "t").ok());
}

TEST(nodes_stand_before_the_one_that_they_are_drawn_for) {
  const ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {2, 3}).input("p", {4}).weight("w", {3}).node("Add", {"x", "w"}, {"y"});
  drawn.output("y");
  Graph& graph = model->graph();
  const NodeId id = graph.nodes().front();
  Relayout relayout{.inputs = {{}, {}}, .outputs = {{}}, .nodes = {}};
  DrawnNode first{.op_type = "Neg"};
  first.inputs.push_back(from_input(0));
  relayout.nodes.push_back(std::move(first));
  DrawnNode last{.op_type = "Mul"};
  last.inputs = {from_drawn(0), from_input(1)};
  last.inputs[0].unsqueeze = {0};
  last.inputs[1].unsqueeze = {1, 2};
  relayout.nodes.push_back(std::move(last));
  CHECK(draw_node(graph, id, relayout, graph.node(id).inputs).ok());
  CHECK(texts(graph) == Ops({"n_y/Neg = Neg(x)", "n_y/Unsqueeze = Unsqueeze(n_y/Neg, ints_0)",
                             "y = Mul(n_y/Unsqueeze, w)"}));
  CHECK_EQ(graph.node(id).name.value, "n_y");
  CHECK(graph.value(graph.find_value("w")).initializer->dims == Ints({3, 1, 1}));
  CHECK(verify(*model).empty());
}

TEST(what_is_only_known_at_run_time_is_gathered) {
  const ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {2, 3}).input("p", {4}).ints("c", {7, 8, 9}).node("Pad", {"x", "p"}, {"y"});
  Graph& graph = model->graph();
  const NodeId id = graph.nodes().front();
  const auto taking = [](std::size_t slot, Ints elements) {
    Relayout relayout{.inputs = {{}, {}}, .outputs = {{}}, .nodes = {}};
    DrawnNode last{.op_type = "Pad"};
    last.inputs = {from_input(0), from_input(slot)};
    last.inputs[1].take = std::move(elements);
    relayout.nodes.push_back(std::move(last));
    return relayout;
  };
  CHECK(draw_node(graph, id, taking(1, {1, 0, 3, 2}), graph.node(id).inputs).ok());
  CHECK(texts(graph) == Ops({"n_y/Gather = Gather(p, ints_1_0_3_2)", "y = Pad(x, n_y/Gather)"}));
  const std::vector<ValueId> constant{graph.find_value("x"), graph.find_value("c")};
  CHECK(draw_node(graph, id, taking(1, {2, 0}), constant).ok());
  CHECK_EQ(texts(graph).back(), "y = Pad(x, ints_9_7)");
  CHECK_EQ(draw_node(graph, id, taking(1, {3}), constant).error().message,
           "constant 'c' has no element 3 to take");
}

TEST(a_conversion_is_what_it_takes) {
  const Expr n = Expr::symbol("n");
  const Expr m = Expr::symbol("m");
  const Layout filed = Layout::identity(3);
  CHECK(converted({2, 3, 4}, filed, order({0, 2, 1})) == Ops({"Transpose"}));
  CHECK(converted({n, 1, 4}, filed, order({1, 0, 2})) == Ops({"Reshape"}));
  CHECK(converted({n, 1, m}, filed, order({0, 2, 1})) == Ops({"Reshape"}));
  CHECK(converted({n, m, 1}, filed, order({2, 0, 1})) == Ops({"Squeeze", "Unsqueeze"}));
  CHECK(converted({n, m, 1}, filed, order({2, 0, 1}), 11) == Ops({"Squeeze", "Unsqueeze"}));
  const Layout inner = shuffled({0, 1, 2}, {.axis = 1, .sizes = {2, 3}, .order = order({1, 0})});
  CHECK(converted({n, 6, 4}, filed, inner) == Ops({"Reshape", "Transpose", "Reshape"}));
  CHECK(converted({n, 6, 4}, inner, filed) == Ops({"Reshape", "Transpose", "Reshape"}));
  const Layout other = shuffled({2, 0, 1}, {.axis = 1, .sizes = {3, 2}, .order = order({1, 0})});
  // 2x3 and 3x2 have no factors in common: elements are picked.
  const Ops picked = converted({2, 6, 4}, inner, other);
  CHECK_EQ(std::ranges::count(picked, "Gather"), 1);
  CHECK_EQ(std::ranges::count(picked, "Transpose"), 1);
}

TEST(sizes_that_no_number_tells_are_read_from_the_value) {
  const Expr n = Expr::symbol("n");
  const Expr m = Expr::symbol("m");
  const Layout inner = shuffled({2, 0, 1}, {.axis = 1, .sizes = {2, 3}, .order = order({1, 0})});
  const Ops ops = converted({n, 6, m}, Layout::identity(3), inner);
  CHECK_EQ(ops.front(), "Reshape");
  CHECK_EQ(ops.back(), "Reshape");
  CHECK(std::ranges::count(ops, "Shape") <= 1);
}

TEST(a_plan_is_carried_out_and_the_model_stays_sound) {
  const ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {1, 4, 4, 8}).transpose("x", "a", {0, 3, 1, 2}).node("Relu", {"a"}, {"b"});
  drawn.transpose("b", "y", {0, 2, 3, 1}).transpose("b", "z", {0, 2, 3, 1});
  drawn.output("y").output("z");
  const auto made = change_layout(*model, {});
  CHECK(made.ok());
  const Graph& graph = made.value().model->graph();
  CHECK(texts(graph) == Ops({"y = Relu(x)", "z = Identity(y)"}));
  CHECK(verify(*made.value().model).empty());
  CHECK_EQ(model->graph().nodes().size(), 4u);  // the given one is as it was
}

TEST(an_input_and_output_of_one_name_has_one_layout) {
  const ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {1, 4, 4, 8}).node("Relu", {"x"}, {"y"}).output("x").output("y");
  LayoutOptions options;
  options.io.emplace("x", order({0, 3, 1, 2}));
  const auto made = change_layout(*model, options);
  CHECK(made.ok());
  CHECK(verify(*made.value().model).empty());
}

TEST(what_has_no_name_cannot_keep_it) {
  const ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {2}).node("Relu", {"x"}, {"y"});
  model->graph().add_output({}, nullptr);
  CHECK_EQ(change_layout(*model, {}).error().message, "an output has no name");
  model->graph().add_input({}, nullptr);
  CHECK_EQ(change_layout(*model, {}).error().message, "an input has no name");
}

}  // namespace
