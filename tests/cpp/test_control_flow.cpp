// Control flow taken apart on graphs built by hand, so that the sanitizers see it.

#include <string>
#include <vector>

#include "check.h"
#include "passes/infer_shapes.h"
#include "passes/inline_if.h"
#include "passes/static_sequences.h"
#include "passes/unroll_loop.h"
#include "passes/unroll_scan.h"

namespace {

using namespace pot;
using Names = std::vector<const char*>;

Node made(Graph& graph, const char* op, const Names& inputs, const Names& outputs) {
  Node node;
  node.op_type = Text(op);
  node.name = Text(std::string("n_") + outputs[0]);
  for (const char* name : inputs) node.inputs.push_back(graph.intern(name));
  for (const char* name : outputs) node.outputs.push_back(graph.intern(name));
  return node;
}

void add(Graph& graph, const char* op, const Names& inputs, const Names& outputs) {
  graph.add_node(made(graph, op, inputs, outputs));
}

TypeRef type(DType dtype, const std::vector<std::int64_t>& dims) {
  return tensor_type(dtype, std::vector<Dim>(dims.begin(), dims.end()));
}

TypeRef floats() { return type(DType::float32, {3}); }

void constant(Graph& graph, const char* name, std::int64_t number) {
  graph.set_initializer(
      make_tensor_copy(name, DType::int64, {}, std::as_bytes(std::span(&number, 1))));
}

void truth(Graph& graph, const char* name, std::uint8_t yes) {
  graph.set_initializer(
      make_tensor_copy(name, DType::boolean, {}, std::as_bytes(std::span(&yes, 1))));
}

ModelPtr empty() {
  ModelPtr model = Model().empty_like();  // its graph knows its model
  model->set_ir_version(10);
  model->set_opset("", 18);
  model->graph().add_input(model->graph().intern("x"), floats());
  return model;
}

/// (i, go, h) => (more, h2, row): h2 = Add(h, step), row = Neg(h2); `step` is what is around.
GraphPtr turn() {
  auto body = std::make_shared<Graph>();
  body->add_input(body->intern("i"), type(DType::int64, {}));
  body->add_input(body->intern("go"), type(DType::boolean, {}));
  body->add_input(body->intern("h"), floats());
  add(*body, "Identity", {"go"}, {"more"});
  add(*body, "Add", {"h", "step"}, {"h2"});
  add(*body, "Neg", {"h2"}, {"row"});
  body->add_output(body->intern("more"), type(DType::boolean, {}));
  body->add_output(body->intern("h2"), floats());
  body->add_output(body->intern("row"), floats());
  return body;
}

ModelPtr looping(std::int64_t trips) {
  ModelPtr model = empty();
  Graph& graph = model->graph();
  constant(graph, "trips", trips);
  add(graph, "Abs", {"x"}, {"step"});
  Node loop = made(graph, "Loop", {"trips", "", "x"}, {"y", "rows"});
  loop.attributes.emplace_back("body", AttributeValue(turn()));
  graph.add_node(std::move(loop));
  graph.add_output(graph.intern("y"), nullptr);
  graph.add_output(graph.intern("rows"), nullptr);
  return model;
}

std::string text(const Graph& graph) {
  std::string out;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    out += (out.empty() ? "" : " ") + node.op_type.value + ">";
    out += graph.value_name(node.outputs[0]);
  }
  return out;
}

using Pass = Result<bool> (*)(Model&, const ModelFacts&, Changes&, std::int64_t);

bool run(Model& model, Pass pass, Changes& changes, std::int64_t most = 64) {
  const auto facts = infer_shapes(model);
  CHECK(facts.ok());
  const auto changed = pass(model, facts.value(), changes, most);
  CHECK(changed.ok());
  return changed.value();
}

TEST(a_loop_becomes_its_turns) {
  ModelPtr model = looping(2);
  Changes changes;
  CHECK(run(*model, unroll_loop, changes));
  CHECK_EQ(text(model->graph()),
           "Abs>step Identity>more Add>h2 Neg>row Identity>more_1 Add>y Neg>row_1 "
           "Unsqueeze>row_row Unsqueeze>row_1_row Concat>rows");
  const auto facts = infer_shapes(*model);
  const Graph& graph = model->graph();
  CHECK(facts.value().of(graph, graph.find_value("rows")).numbers() ==
        std::vector<std::int64_t>({2, 3}));
}

TEST(a_loop_of_too_many_turns_stays_as_it_is) {
  ModelPtr model = looping(1'000'000'000'000);
  Changes changes;
  CHECK(!run(*model, unroll_loop, changes));
  CHECK_EQ(text(model->graph()), "Abs>step Loop>y");
  CHECK_EQ(changes.left().size(), 1U);
  CHECK_EQ(changes.left()[0].reason,
           "it makes 1000000000000 turns, more than the 64 that --max-unroll allows");
}

TEST(a_loop_without_a_turn_hands_its_initial_values_through) {
  ModelPtr model = looping(0);
  Changes changes;
  CHECK(run(*model, unroll_loop, changes, 0));
  CHECK_EQ(text(model->graph()), "Abs>step Identity>y Identity>rows");
}

TEST(a_body_in_a_body_is_opened_too) {
  ModelPtr model = looping(1);
  Graph& graph = model->graph();
  truth(graph, "yes", 1);
  Node choice = made(graph, "If", {"yes"}, {"z"});
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto body = std::make_shared<Graph>();
    constant(*body, "trips", 2);  // hides the one around it
    Node loop = made(*body, "Loop", {"trips", "", "x"}, {"step2", ""});
    loop.attributes.emplace_back("body", AttributeValue(turn()));
    body->add_node(std::move(loop));
    body->add_output(body->intern("step2"), floats());
    choice.attributes.emplace_back(branch, AttributeValue(body));
  }
  graph.add_node(std::move(choice));
  graph.add_output(graph.intern("z"), nullptr);
  Changes changes;
  CHECK(run(
      *model,
      [](Model& m, const ModelFacts& f, Changes& c, std::int64_t) { return inline_if(m, f, c); },
      changes));
  CHECK_EQ(text(graph), "Abs>step Loop>y Loop>z");
  CHECK(run(*model, unroll_loop, changes));
  for (const NodeId id : graph.nodes()) CHECK(!graph.node(id).has_bodies());
  CHECK(!run(*model, unroll_loop, changes));
}

/// Scans `x` and, where it is given, another input: r = Neg(e).
ModelPtr scanning(const char* other) {
  ModelPtr model = empty();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("longer"), type(DType::float32, {4}));
  auto body = std::make_shared<Graph>();
  for (const char* name : {"e", "f"}) {
    if (*other || *name == 'e') body->add_input(body->intern(name), type(DType::float32, {}));
  }
  add(*body, "Neg", {"e"}, {"r"});
  body->add_output(body->intern("r"), nullptr);
  Node scan = made(graph, "Scan", *other ? Names{"x", other} : Names{"x"}, {"y"});
  scan.attributes.emplace_back("num_scan_inputs",
                               AttributeValue(static_cast<std::int64_t>(scan.inputs.size())));
  scan.attributes.emplace_back("body", AttributeValue(body));
  graph.add_node(std::move(scan));
  graph.add_output(graph.intern("y"), nullptr);
  return model;
}

TEST(a_scan_becomes_its_elements) {
  ModelPtr model = scanning("");
  Changes changes;
  CHECK(run(*model, unroll_scan, changes));
  CHECK_EQ(text(model->graph()),
           "Gather>x_at Neg>r Gather>x_at_1 Neg>r_1 Gather>x_at_2 Neg>r_2 Unsqueeze>r_row "
           "Unsqueeze>r_1_row Unsqueeze>r_2_row Concat>y");
}

TEST(a_scan_over_unlike_lengths_stays) {
  ModelPtr model = scanning("longer");
  Changes changes;
  CHECK(!run(*model, unroll_scan, changes));
  CHECK_EQ(changes.left().size(), 1U);
  CHECK_EQ(changes.left()[0].reason, "its inputs differ in length");
}

TEST(items_take_the_place_of_a_sequence) {
  ModelPtr model = empty();
  Graph& graph = model->graph();
  constant(graph, "last", -1);
  add(graph, "SplitToSequence", {"x"}, {"s"});
  add(graph, "SequenceAt", {"s", "last"}, {"e"});
  add(graph, "SequenceInsert", {"s", "e"}, {"t"});
  add(graph, "ConcatFromSequence", {"t"}, {"y"});
  graph.add_output(graph.intern("y"), nullptr);
  Changes changes;
  CHECK(run(*model, static_sequences, changes));
  CHECK_EQ(text(graph), "Split>s_0 SplitToSequence>s SequenceInsert>t Concat>y");
  CHECK(!run(*model, static_sequences, changes));
}

TEST(nodes_that_make_no_sense_are_left) {
  for (const char* op :
       {"If", "Loop", "Scan", "SequenceMap", "SequenceAt", "SequenceInsert", "SequenceErase",
        "SequenceLength", "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement",
        "OptionalHasElement", "SequenceConstruct", "SequenceEmpty"}) {
    for (const Names& inputs : {Names{}, Names{""}, Names{"x"}, Names{"", "x"}, Names{"x", "x"},
                                Names{"x", "", "", "x"}}) {
      for (const bool with_body : {false, true}) {
        ModelPtr model = empty();
        Graph& graph = model->graph();
        Node node = made(graph, op, inputs, {"y", "", "z"});
        if (with_body) {
          auto body = std::make_shared<Graph>();
          body->add_input({}, nullptr);
          body->add_output({}, nullptr);
          node.attributes.emplace_back("body", AttributeValue(body));
          node.attributes.emplace_back("then_branch", AttributeValue(std::int64_t{3}));
          node.attributes.emplace_back("num_scan_inputs", AttributeValue(std::int64_t{-4}));
        }
        graph.add_node(std::move(node));
        Changes changes;
        for (const Pass pass : {Pass(unroll_loop), Pass(unroll_scan), Pass(static_sequences)}) {
          run(*model, pass, changes);
        }
      }
    }
  }
}

}  // namespace
