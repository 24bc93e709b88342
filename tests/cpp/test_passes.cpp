// The passes on graphs that are built by hand, so that the sanitizers see them without Python.

#include <string>
#include <vector>

#include "check.h"
#include "passes/align.h"
#include "passes/extract.h"

namespace {

using namespace pot;

struct Built {
  ModelPtr model = std::make_shared<Model>();

  Built() { model->set_opset("", 17); }
  Graph& graph() { return model->graph(); }

  Built& input(const char* name) {
    graph().add_input(graph().intern(name), tensor_type(DType::float32, std::vector<Dim>{}));
    return *this;
  }
  Built& node(const char* op, const char* output, std::vector<const char*> inputs) {
    Node node;
    node.op_type = Text(op);
    node.name = Text(std::string("n_") + output);
    for (const char* name : inputs) node.inputs.push_back(graph().intern(name));
    node.outputs.push_back(graph().intern(output));
    graph().add_node(std::move(node));
    return *this;
  }
  Built& output(const char* name) {
    graph().add_output(graph().intern(name), nullptr);
    return *this;
  }
  Built& weight(const char* name, std::vector<float> elements) {
    graph().set_initializer(make_tensor_copy(name, DType::float32,
                                             {static_cast<std::int64_t>(elements.size())},
                                             std::as_bytes(std::span(elements))));
    return *this;
  }
};

Built chain() {
  Built made;
  made.input("x").weight("w", {1, 2});
  made.node("Relu", "a", {"x"}).node("Add", "b", {"a", "w"}).node("Neg", "y", {"b"}).output("y");
  return made;
}

std::string partner_of(const Alignment& alignment, const std::string& candidate) {
  for (const auto& pair : alignment.values) {
    if (pair.candidate == candidate) return pair.reference;
  }
  return "";
}

const std::vector<NamePair> kInputs{{"x", "x"}};
const std::vector<NamePair> kOutputs{{"y", "y"}};

}  // namespace

TEST(a_slice_stops_at_what_is_given) {
  Built made = chain();
  const std::vector<Given> given{{"a", tensor_type(DType::float32, std::nullopt)}};
  const std::vector<std::string> outputs{"y"};
  auto part = extract(*made.model, given, outputs, Cut::slice);
  CHECK(part.ok());
  CHECK_EQ(part.value().inputs, std::vector<std::string>{"a"});
  CHECK_EQ(part.value().model->graph().nodes().size(), 2u);
  CHECK_EQ(part.value().model->graph().initializers().size(), 1u);
}

TEST(a_detached_part_makes_what_it_is_given) {
  Built made = chain();
  const std::vector<Given> given{{"a", tensor_type(DType::float32, std::nullopt)},
                                 {"b", tensor_type(DType::float32, std::nullopt)}};
  const std::vector<std::string> outputs{"a", "b", "y"};
  auto part = extract(*made.model, given, outputs, Cut::detach);
  CHECK(part.ok());
  CHECK_EQ(part.value().inputs, (std::vector<std::string>{"x", "a", "b"}));
  CHECK_EQ(part.value().outputs[0], std::string("produced:a"));
  CHECK_EQ(part.value().outputs[2], std::string("y"));
  CHECK(part.value().model->graph().order().ok());
}

TEST(extract_names_what_is_missing) {
  Built made = chain();
  const std::vector<std::string> outputs{"nothing"};
  auto part = extract(*made.model, {}, outputs, Cut::slice);
  CHECK(!part.ok());
  CHECK_EQ(part.error().text(), std::string("the graph has no value 'nothing'"));
}

TEST(renamed_values_and_an_identity_are_paired) {
  Built ours = chain();
  Built theirs;
  theirs.input("x").weight("v", {1, 2}).node("Relu", "b", {"x"}).node("Identity", "i", {"b"});
  theirs.node("Sqrt", "dead", {"x"}).node("Add", "a", {"v", "i"}).node("Neg", "y", {"a"});
  theirs.output("y");
  auto made = align(*ours.model, *theirs.model, kInputs, kOutputs);
  CHECK(made.ok());
  CHECK_EQ(partner_of(made.value(), "b"), std::string("a"));
  CHECK_EQ(partner_of(made.value(), "a"), std::string("b"));
  CHECK_EQ(made.value().nodes.size(), 3u);
  for (const auto& pair : made.value().nodes) CHECK(pair.same);
  CHECK(made.value().unmatched.empty());
}

TEST(another_weight_pairs_but_is_not_the_same) {
  Built ours = chain();
  Built theirs;
  theirs.input("x").weight("v", {1, 3}).node("Relu", "p", {"x"}).node("Add", "q", {"p", "v"});
  theirs.node("Neg", "y", {"q"}).output("y");
  auto made = align(*ours.model, *theirs.model, kInputs, kOutputs);
  CHECK_EQ(partner_of(made.value(), "q"), std::string("b"));
  CHECK(!made.value().nodes[1].same);
  CHECK_EQ(made.value().constants, (std::vector<NamePair>{{"w", "v"}}));
}

TEST(swapped_operands_pair_but_are_not_the_same) {
  Built ours, theirs;
  for (Built* model : {&ours, &theirs}) {
    model->input("x").node("Relu", "a", {"x"}).node("Sqrt", "b", {"x"});
  }
  ours.node("Sub", "y", {"a", "b"}).output("y");
  theirs.node("Sub", "y", {"b", "a"}).output("y");
  auto made = align(*ours.model, *theirs.model, kInputs, kOutputs);
  CHECK_EQ(made.value().nodes.size(), 3u);
  CHECK(!made.value().nodes[2].same);
}

TEST(twins_with_other_weights_are_told_apart_by_their_weights) {
  Built ours, theirs;
  for (Built* model : {&ours, &theirs}) {
    model->input("x").weight("u", {3}).weight("v", {2});  // by 1 would be a no-op
  }
  ours.node("Mul", "a", {"x", "u"}).node("Mul", "b", {"x", "v"}).node("Sub", "y", {"a", "b"});
  theirs.node("Mul", "q", {"x", "v"}).node("Mul", "p", {"x", "u"}).node("Sub", "y", {"p", "q"});
  ours.output("y");
  theirs.output("y");
  auto made = align(*ours.model, *theirs.model, kInputs, kOutputs);
  CHECK_EQ(partner_of(made.value(), "p"), std::string("a"));
  CHECK_EQ(partner_of(made.value(), "q"), std::string("b"));
}

TEST(a_fused_node_is_not_paired_with_its_first_part) {
  Built ours, theirs;
  ours.input("x").weight("w", {5}).weight("s", {2}).node("Mul", "a", {"x", "w"});
  ours.node("Sub", "b", {"a", "s"}).node("Relu", "y", {"b"}).output("y");
  theirs.input("x").weight("w2", {3}).node("Mul", "b", {"x", "w2"}).node("Relu", "y", {"b"});
  theirs.output("y");
  auto made = align(*ours.model, *theirs.model, kInputs, kOutputs);
  CHECK_EQ(partner_of(made.value(), "b"), std::string("b"));
  CHECK_EQ(made.value().unmatched_reference, std::vector<std::string>{"a"});
}
