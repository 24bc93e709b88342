// Two graphs that are built by hand and put beside each other.

#include <string>
#include <vector>

#include "check.h"
#include "ir/verify.h"
#include "passes/put_beside.h"

namespace {

using namespace pot;

TypeRef of(std::vector<Dim> dims) { return tensor_type(DType::float32, std::move(dims)); }

void add_node(Graph& graph, const char* op, std::vector<const char*> inputs, const char* output) {
  Node node;
  node.op_type = Text(op);
  for (const char* name : inputs) node.inputs.push_back(graph.intern(name));
  node.outputs.push_back(graph.intern(output));
  graph.add_node(std::move(node));
}

/// (x, w) => y: h = Mul(x, w), y = Relu(h)
ModelPtr small(const char* size) {
  auto model = std::make_shared<Model>();
  model->set_opset("", 17);
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), of({Dim(std::string(size)), Dim(2)}));
  const std::vector<float> elements{1, 2};
  graph.set_initializer(
      make_tensor_copy("w", DType::float32, {2}, std::as_bytes(std::span(elements))));
  add_node(graph, "Mul", {"x", "w"}, "h");
  add_node(graph, "Relu", {"h"}, "y");
  graph.set_type(graph.intern("h"), of({Dim(std::string(size) + "*2"), Dim(2)}));
  graph.add_output(graph.intern("y"), of({Dim(std::string(size)), Dim(2)}));
  return model;
}

std::string type_of(const Graph& graph, const char* name) {
  return type_text(graph.type(graph.find_value(name)).get());
}

const RenameMap kNames{{"w", "w_1"}, {"h", "h_1"}, {"y", "z"}};

TEST(reads_what_is_joined_and_shares_what_is_not_changed) {
  const ModelPtr first = small("n");
  const ModelPtr second = small("m");
  const auto made =
      put_beside(*first, *second,
                 {.names = kNames, .joined = {{"x", "y"}}, .sizes = {{"m", Expr::symbol("n")}}});
  CHECK(made.ok());
  Graph& graph = made.value().model->graph();
  CHECK(verify(*made.value().model).empty());
  CHECK_EQ(graph.nodes().size(), 4u);
  CHECK_EQ(graph.inputs().size(), 1u);
  CHECK_EQ(graph.outputs().size(), 2u);
  CHECK_EQ(type_of(graph, "z"), "float32[n, 2]");
  CHECK_EQ(type_of(graph, "h_1"), "float32[2*n, 2]");
  const Node& reader = graph.node(graph.value(graph.find_value("h_1")).producer);
  CHECK_EQ(graph.value_name(reader.inputs[0]), "y");
  CHECK_EQ(graph.value_name(reader.inputs[1]), "w_1");
  CHECK_EQ(first->graph().nodes().size(), 2u);
  CHECK(static_cast<bool>(second->graph().find_value("h")));
}

TEST(sizes_of_one_name_are_set_apart) {
  const RenameMap names{{"x", "x_1"}, {"w", "w_1"}, {"h", "h_1"}, {"y", "z"}};
  const auto made =
      put_beside(*small("n"), *small("n"), {.names = names, .joined = {}, .sizes = {}});
  CHECK(made.ok());
  CHECK_EQ(made.value().sizes.at("n"), "n_1");
  const Graph& graph = made.value().model->graph();
  CHECK_EQ(type_of(graph, "x"), "float32[n, 2]");
  CHECK_EQ(type_of(graph, "x_1"), "float32[n_1, 2]");
  CHECK_EQ(type_of(graph, "h_1"), "float32[2*n_1, 2]");
}

TEST(an_input_that_is_an_output_too_becomes_an_identity) {
  const ModelPtr second = small("m");
  Graph& graph = second->graph();
  graph.add_output(graph.intern("x"), nullptr);
  const RenameMap names{{"w", "w_1"}, {"h", "h_1"}, {"y", "z"}, {"x", "x_1"}};
  const auto made =
      put_beside(*small("n"), *second, {.names = names, .joined = {{"x", "y"}}, .sizes = {}});
  CHECK(made.ok());
  const Graph& both = made.value().model->graph();
  const Value& value = both.value(both.find_value("x_1"));
  CHECK(value.is_output);
  CHECK_EQ(both.node(value.producer).op_type.value, "Identity");
  CHECK(verify(*made.value().model).empty());
}

TEST(a_default_goes_with_the_input_that_is_joined) {
  const ModelPtr second = small("m");
  Graph& graph = second->graph();
  graph.add_input(graph.intern("w"), of({Dim(2)}));
  const RenameMap names{{"h", "h_1"}, {"y", "z"}, {"x", "x_1"}};
  const auto made =
      put_beside(*small("n"), *second, {.names = names, .joined = {{"w", "h"}}, .sizes = {}});
  CHECK(made.ok());
  CHECK_EQ(made.value().model->graph().initializers().size(), 1u);
  CHECK_EQ(made.value().model->graph().inputs().size(), 2u);
}

TEST(a_new_name_that_is_taken_is_an_error) {
  const auto made = put_beside(*small("n"), *small("m"),
                               {.names = {{"h", "y"}}, .joined = {{"x", "y"}}, .sizes = {}});
  CHECK(!made.ok());
}

}  // namespace
