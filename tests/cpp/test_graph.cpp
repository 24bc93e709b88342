#include <array>
#include <cstdint>
#include <string>

#include "check.h"
#include "ir/load.h"
#include "ir/print.h"
#include "ir/save.h"
#include "ir/verify.h"

namespace pot {
namespace {

Node node(Graph& graph, std::string op, std::vector<std::string> inputs, std::string output) {
  Node out;
  out.op_type = Text(std::move(op));
  for (const auto& each : inputs) out.inputs.push_back(graph.intern(each));
  out.outputs.push_back(graph.intern(output));
  return out;
}

/// x -> If(c) { body reads x and w, makes t } -> y
ModelPtr with_a_body() {
  auto model = std::make_shared<Model>();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), tensor_type(DType::float32, std::vector<Dim>{Dim(4)}));
  graph.add_input(graph.intern("c"), nullptr);
  graph.set_initializer(make_int64s("w", std::array<std::int64_t, 1>{3}));
  auto body = std::make_shared<Graph>();
  body->add_node(node(*body, "Mul", {"x", "w"}, "t"));
  body->add_output(body->intern("t"), nullptr);
  Node branch = node(graph, "If", {"c"}, "y");
  branch.attributes.emplace_back("then_branch", body);
  graph.add_node(std::move(branch));
  graph.add_output(graph.intern("y"), nullptr);
  return model;
}

const Graph& body_of(const Graph& graph) { return *graph.node(graph.nodes().back()).bodies()[0]; }

TEST(bodies_capture) {
  const auto model = with_a_body();
  const Graph& graph = model->graph();
  const auto captured = graph.captures(graph.nodes()[0]);
  CHECK_EQ(captured.size(), 2u);
  CHECK_EQ(graph.value_name(captured[0]), "x");
  CHECK_EQ(graph.uses(captured[0]).size(), 1u);
  CHECK_EQ(graph.uses(captured[0])[0].slot, Use::kCaptured);
  CHECK_EQ(type_text(body_of(graph).type(body_of(graph).find_value("x")).get()), "float32[4]");
  CHECK(body_of(graph).constant(body_of(graph).find_value("w")) != nullptr);
  CHECK(verify(*model).empty());
}

TEST(adopting_renames_what_bodies_capture) {
  const auto model = with_a_body();
  const auto other = model->empty_like();
  Graph& graph = other->graph();
  // x and w change places, and the body's own t is in the way of nothing.
  graph.adopt(model->graph(), model->graph().nodes()[0], {{"x", "w"}, {"w", "x"}, {"y", "z"}});
  CHECK_EQ(node_text(body_of(graph), body_of(graph).nodes()[0]), "t = Mul(w, x)");
  CHECK_EQ(node_text(graph, graph.nodes()[0]), "z = If(c) {then_branch=a graph of 1 nodes}");
  const auto& original = body_of(model->graph());
  CHECK_EQ(node_text(original, original.nodes()[0]), "t = Mul(x, w)");
}

TEST(adopting_moves_a_local_name_out_of_the_way) {
  const auto model = with_a_body();
  const auto other = model->empty_like();
  Graph& graph = other->graph();
  graph.adopt(model->graph(), model->graph().nodes()[0], {{"x", "t"}});
  const Graph& body = body_of(graph);
  CHECK_EQ(node_text(body, body.nodes()[0]), "t_1 = Mul(t, w)");
  CHECK_EQ(body.value_name(body.outputs()[0].value), "t_1");
}

TEST(ids_are_never_used_twice) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  const NodeId gone = graph.add_node(node(graph, "Relu", {"x"}, "r"));
  graph.remove_node(gone);
  const NodeId next = graph.add_node(node(graph, "Relu", {"x"}, "r"));
  CHECK(graph.find(gone) == nullptr);
  CHECK(gone != next);
  CHECK_EQ(graph.value(graph.find_value("r")).producer.index, next.index);
  const auto copy = model->copy();
  CHECK_EQ(copy->graph().node(next).op_type.value, "Relu");
  CHECK(copy->graph().find(gone) == nullptr);
}

TEST(a_second_producer_takes_over) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  const NodeId first = graph.add_node(node(graph, "Relu", {"x"}, "r"));
  const NodeId second = graph.add_node(node(graph, "Abs", {"x"}, "r"));
  CHECK_EQ(verify(*model).size(), 1u);
  graph.remove_node(first);
  CHECK_EQ(graph.value(graph.find_value("r")).producer.index, second.index);
  CHECK(verify(*model).empty());
}

TEST(a_slice_shares_bytes) {
  const std::string elements(4096, 'e');
  auto owner = std::make_shared<const std::string>(elements);
  const Bytes bytes{as_bytes(*owner), owner};
  const auto model = with_a_body();
  model->graph().set_initializer(make_tensor("big", DType::uint8, {4096}, bytes));
  const auto copy = model->copy();
  const auto data = copy->graph().initializers()[1]->data();
  CHECK(data.ok());
  CHECK(data.value().view.data() == bytes.view.data());
}

TEST(built_models_load_again) {
  const auto model = with_a_body();
  model->set_ir_version(8);
  model->set_opset("", 18);
  model->set_metadata(std::array<MetadataEntry, 1>{MetadataEntry{"k", "v"}});
  const auto bytes = model_bytes(*model, Weights::inside, "");
  CHECK(bytes.ok());
  const auto again = load_model(Bytes{as_bytes(bytes.value()), nullptr}, "");
  CHECK(again.ok());
  CHECK_EQ(graph_text(again.value()->graph()), graph_text(model->graph()));
  CHECK_EQ(again.value()->metadata()[0].second, "v");
  CHECK_EQ(again.value()->opset("ai.onnx").value_or(0), 18);
}

TEST(sizes_that_overflow_have_no_size) {
  const std::int64_t huge = std::int64_t{1} << 62;
  CHECK(!element_count(std::array{huge, huge}).has_value());
  CHECK_EQ(element_count(std::array{huge, huge, std::int64_t{0}}).value_or(1), 0u);
  CHECK(!element_count(std::array{std::int64_t{-1}}).has_value());
  CHECK(!stored_size(DType::float64, std::array{huge}).has_value());
  CHECK_EQ(stored_size(DType::int4, std::array{std::int64_t{3}}).value_or(0), 2u);
  CHECK_EQ(stored_size(DType::float6e2m3, std::array{std::int64_t{3}}).value_or(0), 3u);
}

}  // namespace
}  // namespace pot
