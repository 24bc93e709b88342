// Edits that scripts make: of uses, names, what goes in and out, texts, imports, functions.

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "ir/ancestors.h"
#include "ir/load.h"
#include "ir/print.h"
#include "ir/save.h"
#include "ir/verify.h"

namespace pot {
namespace {

Node node(Graph& graph, std::string op, const std::vector<std::string>& inputs,
          std::string output) {
  Node out;
  out.op_type = Text(std::move(op));
  for (const auto& each : inputs) out.inputs.push_back(graph.intern(each));
  out.outputs.push_back(graph.intern(output));
  return out;
}

/// h = Relu(x), y = If(c) { body: t = Mul(h, x) }, z = Add(h, h)
ModelPtr with_a_body() {
  auto model = std::make_shared<Model>();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), tensor_type(DType::float32, std::vector<Dim>{Dim(4)}));
  graph.add_input(graph.intern("c"), nullptr);
  graph.add_node(node(graph, "Relu", {"x"}, "h"));
  auto body = std::make_shared<Graph>();
  body->add_node(node(*body, "Mul", {"h", "x"}, "t"));
  body->add_output(body->intern("t"), nullptr);
  Node branch = node(graph, "If", {"c"}, "y");
  branch.attributes.emplace_back("then_branch", body);
  graph.add_node(std::move(branch));
  graph.add_node(node(graph, "Add", {"h", "h"}, "z"));
  graph.add_output(graph.intern("y"), nullptr);
  graph.add_output(graph.intern("z"), nullptr);
  return model;
}

const Graph& body_of(const Graph& graph) { return *graph.node(graph.nodes()[1]).bodies()[0]; }

std::string body_line(const Graph& graph) {
  const Graph& body = body_of(graph);
  return node_text(body, body.nodes()[0]);
}

std::string names(std::span<const ValueInfo> list, const Graph& graph) {
  std::string out;
  for (const ValueInfo& each : list) out += std::string(graph.value_name(each.value)) + " ";
  return out;
}

TEST(one_use_at_a_time) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  const ValueId h = graph.find_value("h");
  graph.add_node(node(graph, "Abs", {"x"}, "other"));
  const ValueId other = graph.find_value("other");
  const auto uses = graph.uses(h);
  CHECK_EQ(uses.size(), 3u);
  for (const Use& use : uses) {
    if (use.slot == 1) graph.replace_use(use, h, other);
  }
  CHECK_EQ(node_text(graph, graph.nodes()[2]), "z = Add(h, other)");
  CHECK_EQ(body_line(graph), "t = Mul(h, x)");
  for (const Use& use : uses) {
    if (use.slot == Use::kCaptured) graph.replace_use(use, h, other);
  }
  CHECK_EQ(body_line(graph), "t = Mul(other, x)");
  CHECK_EQ(graph.uses(h).size(), 1u);
  CHECK_EQ(graph.uses(other).size(), 2u);
  CHECK(verify(*model).empty());
  graph.replace_use(uses[0], h, h);
}

TEST(one_use_in_a_body_that_has_the_name_itself) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  graph.add_node(node(graph, "Abs", {"x"}, "t"));
  const ValueId h = graph.find_value("h");
  for (const Use& use : graph.uses(h)) {
    if (use.slot == Use::kCaptured) graph.replace_use(use, h, graph.find_value("t"));
  }
  CHECK_EQ(body_line(graph), "t_1 = Mul(t, x)");
  CHECK_EQ(names(body_of(graph).outputs(), body_of(graph)), "t_1 ");
}

TEST(what_a_value_is_made_of) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  const ValueId y = graph.find_value("y"), h = graph.find_value("h");
  const auto of_y = ancestors(graph, std::array{y});
  CHECK_EQ(of_y, std::vector<bool>({true, true}));
  CHECK_EQ(ancestors(graph, std::array{h}), std::vector<bool>({true}));
  CHECK(ancestors(graph, std::array{graph.find_value("x"), ValueId{}}).empty());
  CHECK_EQ(ancestors(graph, std::array{y}, std::array{h}), std::vector<bool>({false, true}));
  CHECK(ancestors(graph, std::array{y}, std::array{y}).empty());
}

TEST(a_cycle_ends) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  graph.set_inputs(graph.nodes()[0], {graph.find_value("z")});
  CHECK_EQ(ancestors(graph, std::array{graph.find_value("z")}),
           std::vector<bool>({true, false, true}));
  CHECK(!verify(*model).empty());
}

TEST(inputs_and_outputs_in_another_order) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  const ValueId x = graph.find_value("x"), c = graph.find_value("c");
  CHECK(graph.order_inputs(std::array{c, x}).ok());
  CHECK_EQ(names(graph.inputs(), graph), "c x ");
  CHECK_EQ(type_text(graph.type(x).get()), "float32[4]");
  for (const auto& wrong :
       std::vector<std::vector<ValueId>>{{c}, {c, c}, {x, c, x}, {}, {x, graph.find_value("h")}}) {
    CHECK(!graph.order_inputs(wrong).ok());
  }
  CHECK_EQ(names(graph.inputs(), graph), "c x ");
  CHECK(graph.order_outputs(std::array{graph.find_value("z"), graph.find_value("y")}).ok());
  CHECK_EQ(names(graph.outputs(), graph), "z y ");
  CHECK_EQ(graph.value(graph.find_value("y")).output_index, 1);
}

TEST(names_change_places_in_one_pass) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  CHECK(graph.rename_values({{"h", "a"}, {"x", "in"}, {"z", "out"}}).ok());
  CHECK_EQ(node_text(graph, graph.nodes()[0]), "a = Relu(in)");
  CHECK_EQ(body_line(graph), "t = Mul(a, in)");
  CHECK_EQ(names(graph.outputs(), graph), "y out ");
  CHECK(!graph.rename_value(graph.find_value("a"), "in").ok());
  CHECK(verify(*model).empty());
}

TEST(fresh_names) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  CHECK_EQ(graph.fresh_name("new"), "new");
  CHECK_EQ(graph.fresh_name(""), "_1");
  CHECK_EQ(graph.fresh_name("t"), "t_1");  // a body has it
  CHECK_EQ(const_cast<Graph&>(body_of(graph)).fresh_name("z"), "z_1");
  for (int i = 1; i <= 37; ++i) {
    const std::string name = graph.fresh_name("h");
    CHECK_EQ(name, "h_" + std::to_string(i));
    graph.add_node(node(graph, "Abs", {"x"}, name));
  }
}

TEST(texts_and_pairs_of_nodes_and_graphs) {
  const auto model = with_a_body();
  Graph& graph = model->graph();
  const NodeId relu = graph.nodes()[0];
  graph.set_node_name(relu, Text("first"));
  graph.set_node_doc_string(relu, Text("why"));
  graph.set_metadata(relu, std::array{MetadataEntry{"k", "v"}});
  graph.set_name(Text("net"));
  graph.set_doc_string(Text("of us"));
  graph.set_value_doc_string(graph.find_value("x"), Text("an image"));
  CHECK_EQ(graph.value_doc_string(graph.find_value("x")), "an image");
  const auto bytes = model_bytes(*model, Weights::inside, "");
  CHECK(bytes.ok());
  const auto loaded = load_model(Bytes{as_bytes(bytes.value()), nullptr}, "");
  CHECK(loaded.ok());
  const Graph& again = loaded.value()->graph();
  const Node& first = again.node(again.nodes()[0]);
  CHECK_EQ(first.name.value, "first");
  CHECK_EQ(first.doc_string.value, "why");
  CHECK_EQ(first.metadata().size(), 1u);
  CHECK_EQ(again.name().value, "net");
  CHECK_EQ(again.doc_string().value, "of us");
  CHECK_EQ(again.value_doc_string(again.find_value("x")), "an image");
}

TEST(a_text_that_is_taken_away) {
  const auto model = with_a_body();
  model->set_producer_name(Text("someone"));
  model->set_producer_version(Text("1"));
  model->set_domain(Text("org"));
  model->set_doc_string(Text("doc"));
  model->set_model_version(7);
  const auto full = model_bytes(*model, Weights::inside, "");
  model->set_producer_name(Text());
  model->set_producer_version(Text());
  model->set_domain(Text());
  model->set_doc_string(Text());
  model->set_model_version(std::nullopt);
  const auto bare = model_bytes(*model, Weights::inside, "");
  CHECK(full.ok() && bare.ok());
  CHECK(full.value().find("someone") != std::string::npos);
  CHECK_EQ(bare.value(), model_bytes(*with_a_body(), Weights::inside, "").value());
}

TEST(imports_come_and_go) {
  const auto model = with_a_body();
  model->set_opset("", 18);
  model->set_opset("vendor", 2);
  model->set_opset("vendor", 3);
  CHECK_EQ(model->opset("vendor").value_or(0), 3);
  model->remove_opset("vendor");
  CHECK(!model->opset("vendor").has_value());
  CHECK_EQ(model->opset("ai.onnx").value_or(0), 18);
  model->remove_opset("never");
  CHECK_EQ(model->opset_imports().size(), 1u);
}

TEST(functions_are_adopted_and_go) {
  const auto model = with_a_body();
  auto function = std::make_unique<Function>();
  function->name = Text("Twice");
  function->domain = Text("local");
  function->body = std::make_shared<Graph>();
  function->body->add_node(node(*function->body, "Add", {"a", "a"}, "b"));
  Function& first = model->add_function(std::move(function));
  model->set_opset(first, "", 18);
  Function& second = model->adopt_function(first, "Double", "mine");
  CHECK_EQ(node_text(*second.body, second.body->nodes()[0]), "b = Add(a, a)");
  CHECK_EQ(second.opset_imports.size(), 1u);
  CHECK(model->find_function("mine", "Double") == &second);
  model->remove_opset(second, "");
  CHECK(second.opset_imports.empty());
  CHECK_EQ(first.opset_imports.size(), 1u);
  model->remove_function(first);
  CHECK(model->find_function("local", "Twice") == nullptr);
  CHECK_EQ(model->functions().size(), 1u);
}

}  // namespace
}  // namespace pot
