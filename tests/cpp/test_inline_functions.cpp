// Functions and bodies taken apart on graphs built by hand, so that the sanitizers see them.

#include <string>
#include <vector>

#include "check.h"
#include "passes/body_model.h"
#include "passes/inline_functions.h"

namespace {

using namespace pot;

bool always(const std::string&, const std::string&, std::int64_t, std::int64_t) { return true; }
bool never(const std::string&, const std::string&, std::int64_t, std::int64_t) { return false; }

Node made(Graph& graph, const char* op, const char* domain, std::vector<const char*> inputs,
          std::vector<const char*> outputs) {
  Node node;
  node.op_type = Text(op);
  if (*domain) node.domain = Text(domain);
  node.name = Text(std::string("n_") + outputs[0]);
  for (const char* name : inputs) node.inputs.push_back(graph.intern(name));
  for (const char* name : outputs) node.outputs.push_back(graph.intern(name));
  return node;
}

void add(Graph& graph, const char* op, const char* domain, std::vector<const char*> inputs,
         std::vector<const char*> outputs) {
  graph.add_node(made(graph, op, domain, inputs, outputs));
}

TypeRef floats() { return tensor_type(DType::float32, std::vector<Dim>{Dim(3)}); }

Graph& add_function(Model& model, const char* name, std::vector<const char*> inputs,
                    std::vector<const char*> outputs, std::int64_t version = 18) {
  auto function = std::make_unique<Function>();
  function->name = Text(name);
  function->domain = Text("local");
  OpsetImport import;
  import.domain = Text("");
  import.version = version;
  function->opset_imports.push_back(std::move(import));
  function->body = std::make_shared<Graph>();
  for (const char* each : inputs) {
    function->body->add_input(function->body->intern(each), nullptr);
  }
  for (const char* each : outputs) {
    function->body->add_output(function->body->intern(each), nullptr);
  }
  return *model.add_function(std::move(function)).body;
}

ModelPtr empty() {
  auto model = std::make_shared<Model>();
  model->set_opset("", 18);
  model->set_opset("local", 1);
  return model;
}

/// y = F(x), where F(p) = Neg(LeakyRelu(p) with alpha from the call).
ModelPtr calling() {
  ModelPtr model = empty();
  Graph& body = add_function(*model, "F", {"p"}, {"q"});
  Node leaky = made(body, "LeakyRelu", "", {"p"}, {"t"});
  Attribute reference;
  reference.name = Text("alpha");
  reference.ref_name = Text("slope");
  leaky.attributes.push_back(std::move(reference));
  body.add_node(std::move(leaky));
  add(body, "Neg", "", {"t"}, {"q"});
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), floats());
  Node call = made(graph, "F", "local", {"x"}, {"y"});
  call.attributes.emplace_back("slope", AttributeValue(0.25F));
  graph.add_node(std::move(call));
  graph.add_output(graph.intern("y"), floats());
  return model;
}

std::vector<std::string> ops(const Graph& graph) {
  std::vector<std::string> out;
  for (const NodeId id : graph.nodes()) out.push_back(graph.node(id).op_type.value);
  return out;
}

/// A graph `inner` that reads `outer` and makes `result`.
GraphPtr body_reading(const char* outer, const char* result) {
  auto body = std::make_shared<Graph>();
  add(*body, "Neg", "", {outer}, {result});
  body->add_output(body->intern(result), nullptr);
  return body;
}

}  // namespace

TEST(a_call_becomes_the_nodes_of_the_function) {
  const ModelPtr model = calling();
  auto inlined = inline_functions(*model, always);
  CHECK(inlined.ok());
  const Graph& graph = inlined.value().model->graph();
  CHECK_EQ(ops(graph), (std::vector<std::string>{"LeakyRelu", "Neg"}));
  const Node& leaky = graph.node(graph.nodes()[0]);
  CHECK_EQ(leaky.name.value, std::string("n_y/n_t"));
  CHECK_EQ(leaky.attr_float("alpha").value_or(0), 0.25F);
  CHECK_EQ(graph.value(leaky.outputs[0]).name, std::string("n_y/t"));
  CHECK_EQ(leaky.metadata()[0].second, std::string("F (called by n_y)"));
  CHECK(graph.value(graph.find_value("y")).producer == graph.nodes()[1]);
  CHECK(inlined.value().model->functions().empty());
}

TEST(the_model_that_is_given_stays_as_it_is) {
  const ModelPtr model = calling();
  CHECK(inline_functions(*model, always).ok());
  CHECK_EQ(ops(model->graph()), std::vector<std::string>{"F"});
  CHECK_EQ(model->functions().size(), 1u);
}

TEST(a_function_in_a_function_in_a_body_is_opened) {
  const ModelPtr model = calling();
  Graph& outer = add_function(*model, "G", {"p"}, {"q"});
  add(outer, "F", "local", {"p"}, {"q"});
  Graph& graph = model->graph();
  graph.add_input(graph.intern("c"), tensor_type(DType::boolean, std::vector<Dim>{}));
  auto then_branch = std::make_shared<Graph>();
  add(*then_branch, "G", "local", {"x"}, {"a"});
  then_branch->add_output(then_branch->intern("a"), nullptr);
  Node choice = made(graph, "If", "", {"c"}, {"z"});
  choice.attributes.emplace_back("then_branch", AttributeValue(then_branch));
  choice.attributes.emplace_back("else_branch", AttributeValue(body_reading("x", "b")));
  graph.add_node(std::move(choice));
  auto inlined = inline_functions(*model, always);
  CHECK(inlined.ok());
  const Graph& opened = inlined.value().model->graph();
  const auto bodies = opened.node(opened.nodes()[2]).bodies();
  CHECK_EQ(ops(*bodies[0]), (std::vector<std::string>{"LeakyRelu", "Neg"}));
  CHECK(opened.order().ok());
  CHECK(!bodies[0]->is_defined(bodies[0]->find_value("x")));
}

TEST(captured_names_follow_the_call) {
  ModelPtr model = empty();
  Graph& body = add_function(*model, "F", {"p", "c"}, {"q"});
  Node choice = made(body, "If", "", {"c"}, {"q"});
  choice.attributes.emplace_back("then_branch", AttributeValue(body_reading("p", "x")));
  choice.attributes.emplace_back("else_branch", AttributeValue(body_reading("p", "e")));
  body.add_node(std::move(choice));
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), floats());
  graph.add_input(graph.intern("c"), tensor_type(DType::boolean, std::vector<Dim>{}));
  add(graph, "F", "local", {"x", "c"}, {"y"});
  graph.add_output(graph.intern("y"), floats());
  auto inlined = inline_functions(*model, always);
  const Graph& opened = inlined.value().model->graph();
  const NodeId id = opened.nodes()[0];
  CHECK_EQ(opened.captures(id).size(), 1u);
  CHECK_EQ(opened.value(opened.captures(id)[0]).name, std::string("x"));
  const auto inner = opened.node(id).bodies()[0];
  // The body's own x makes way for the one that it reads now.
  CHECK_EQ(inner->value_name(inner->outputs()[0].value), std::string_view("n_y/x_1"));
}

TEST(a_function_that_calls_itself_is_an_error) {
  const ModelPtr model = calling();
  Graph& body = add_function(*model, "G", {"p"}, {"q"});
  add(body, "G", "local", {"p"}, {"q"});
  add(model->graph(), "G", "local", {"y"}, {"z"});
  auto inlined = inline_functions(*model, always);
  CHECK(!inlined.ok());
  CHECK_EQ(inlined.error().text(),
           std::string("function 'G' calls itself (G -> G), which ONNX does not allow"));
}

TEST(another_version_keeps_the_call_and_the_function) {
  ModelPtr model = empty();
  add(add_function(*model, "F", {"p"}, {"q"}, 11), "Softmax", "", {"p"}, {"q"});
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), floats());
  add(graph, "F", "local", {"x"}, {"y"});
  auto inlined = inline_functions(*model, never);
  CHECK(inlined.ok());
  CHECK_EQ(ops(inlined.value().model->graph()), std::vector<std::string>{"F"});
  CHECK_EQ(inlined.value().model->functions().size(), 1u);
  CHECK_EQ(inlined.value().kept.size(), 1u);
}

TEST(a_body_takes_what_it_reads_along) {
  ModelPtr model = empty();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), floats());
  graph.add_input(graph.intern("c"), tensor_type(DType::boolean, std::vector<Dim>{}));
  const float one = 1;
  graph.set_initializer(
      make_tensor_copy("w", DType::float32, {}, std::as_bytes(std::span(&one, 1))));
  add(graph, "Abs", "", {"x"}, {"d"});
  auto body = std::make_shared<Graph>();
  add(*body, "Mul", "", {"d", "w"}, {"m"});
  body->add_output(body->intern("m"), nullptr);
  body->add_output(body->intern("x"), nullptr);
  Node choice = made(graph, "If", "", {"c"}, {"y", "z"});
  choice.attributes.emplace_back("then_branch", AttributeValue(body));
  choice.attributes.emplace_back("else_branch", AttributeValue(body_reading("c", "b")));
  const NodeId id = graph.add_node(std::move(choice));
  auto part = body_model(*model, id, "then_branch", {}, {});
  CHECK(part.ok());
  CHECK(part.value().inputs.empty());
  CHECK_EQ(part.value().captured, (std::vector<std::string>{"d", "x"}));
  CHECK_EQ(part.value().outputs, (std::vector<std::string>{"m", "output:x"}));
  CHECK_EQ(part.value().model->graph().initializers().size(), 1u);
  CHECK(part.value().model->graph().initializers()[0] == graph.initializers()[0]);
  CHECK(!body_model(*model, id, "body", {}, {}).ok());
}

TEST(types_by_name) {
  CHECK_EQ(type_text(type_named("sequence(float32)").get()), "sequence(float32[...])");
  CHECK_EQ(type_text(type_named("optional(sequence(int64))").get()),
           "optional(sequence(int64[...]))");
  CHECK(!type_named("sequence(nothing)"));
  CHECK(!type_named("sequence(float32"));
}
