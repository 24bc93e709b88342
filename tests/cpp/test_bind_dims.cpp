// Sizes that were asked for in the place of declared ones, and what is said when they do not fit.

#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "passes/bind_dims.h"
#include "passes/size_equations.h"

namespace {

using namespace pot;

using Dims_ = std::vector<Dim>;

struct Built {
  ModelPtr model = std::make_shared<Model>();

  Built() {
    model->set_ir_version(8);
    model->set_opset("", 17);
  }
  Graph& graph() { return model->graph(); }
  Built& input(const char* name, std::optional<Dims_> dims) {
    graph().add_input(graph().intern(name), tensor_type(DType::float32, std::move(dims)));
    return *this;
  }
  Built& output(const char* name, Dims_ dims) {
    Node node;
    node.op_type = Text("Identity");
    node.inputs.push_back(graph().inputs()[0].value);
    node.outputs.push_back(graph().intern(name));
    graph().add_node(std::move(node));
    graph().add_output(graph().intern(name), tensor_type(DType::float32, std::move(dims)));
    return *this;
  }
  std::string bound(const GivenShapes& shapes, const GivenDims& dims) const {
    const auto result = bind_dims(*model, shapes, dims);
    if (!result) return result.error().text();
    const Graph& made = result.value().model->graph();
    std::string out;
    for (const auto list : {made.inputs(), made.outputs()}) {
      for (const ValueInfo& info : list) {
        out += (out.empty() ? "" : " ") + std::string(made.value_name(info.value)) +
               type_text(info.type.get()).substr(7);
      }
    }
    return out;
  }
};

Dim named(const char* name) { return Dim(std::string(name)); }

Built decoder() {
  Built made;
  made.input("ids", Dims_{named("batch"), named("sequence")});
  made.input("mask", Dims_{named("batch"), named("past + sequence")});
  made.input("cache", Dims_{named("batch"), 12, named("past"), 64});
  made.output("logits", Dims_{named("batch"), named("sequence"), 1000});
  return made;
}

TEST(a_named_size_is_bound_everywhere) {
  CHECK_EQ(decoder().bound({}, {{"batch", 2}, {"past", 0}, {"sequence", 8}}),
           "ids[2, 8] mask[2, 8] cache[2, 12, 0, 64] logits[2, 8, 1000]");
  CHECK_EQ(decoder().bound({}, {{"batch", 1}}),
           "ids[1, sequence] mask[1, past + sequence] cache[1, 12, past, 64] "
           "logits[1, sequence, 1000]");
}

TEST(a_shape_binds_the_names_in_it_in_other_inputs_too) {
  CHECK_EQ(decoder().bound({{"ids", {3, 5}}}, {}),
           "ids[3, 5] mask[3, past + 5] cache[3, 12, past, 64] logits[3, 5, 1000]");
  CHECK_EQ(decoder().bound({{"ids", {3, 5}}, {"mask", {3, 9}}}, {}),
           "ids[3, 5] mask[3, 9] cache[3, 12, 4, 64] logits[3, 5, 1000]");
  CHECK_EQ(decoder().bound({{"ids", {Dim(), 5}}}, {}),
           "ids[batch, 5] mask[batch, past + 5] cache[batch, 12, past, 64] "
           "logits[batch, 5, 1000]");
}

TEST(names_and_expressions_are_sizes_too) {
  CHECK_EQ(decoder().bound({}, {{"past", named("sequence")}}),
           "ids[batch, sequence] mask[batch, 2*sequence] cache[batch, 12, sequence, 64] "
           "logits[batch, sequence, 1000]");
  CHECK_EQ(decoder().bound({}, {{"past", named("2*sequence - 1")}, {"sequence", 4}}),
           "ids[batch, 4] mask[batch, 11] cache[batch, 12, 7, 64] logits[batch, 4, 1000]");
  CHECK_EQ(decoder().bound({}, {{"batch", named("n")}, {"n", 6}}),
           "ids[6, sequence] mask[6, past + sequence] cache[6, 12, past, 64] "
           "logits[6, sequence, 1000]");
}

TEST(sizes_without_a_name_are_bound_by_place) {
  Built made;
  made.input("x", Dims_{Dim(), 3, Dim()}).input("y", std::nullopt).output("z", {Dim()});
  CHECK_EQ(made.bound({}, {{"x[0]", 4}}), "x[4, 3, ?] y[...] z[?]");
  CHECK_EQ(made.bound({}, {{"x[-1]", 4}}), "x[?, 3, 4] y[...] z[?]");
  CHECK_EQ(made.bound({{"x", {2, 3, named("n")}}, {"y", {named("n"), 7}}}, {}),
           "x[2, 3, n] y[n, 7] z[?]");
  CHECK_EQ(made.bound({{"x", {2, 3, named("n")}}, {"y", {named("n"), 7}}}, {{"n", 0}}),
           "x[2, 3, 0] y[0, 7] z[?]");
  CHECK_EQ(made.bound({}, {{"x[3]", 4}}), "'x[3]': input 'x' has no such axis: float32[?, 3, ?]");
  CHECK_EQ(made.bound({}, {{"y[0]", 4}}), "input 'y' has no sizes to bind: float32[...]");
}

TEST(names_that_are_not_there_are_refused_with_what_there_is) {
  CHECK_EQ(decoder().bound({}, {{"bach", 1}}),
           "no size of an input is called 'bach'; named sizes are: 'batch' (ids[0], mask[0], "
           "cache[0]), 'past' (mask[1], cache[2]), 'sequence' (ids[1], mask[1])");
  CHECK_EQ(decoder().bound({{"idz", {1, 2}}}, {}),
           "there is no input 'idz'; inputs are: 'ids' float32[batch, sequence], 'mask' "
           "float32[batch, past + sequence], 'cache' float32[batch, 12, past, 64]");
  CHECK_EQ(decoder().bound({}, {{"past", named("2*lenght")}}),
           "the size given for 'past' is '2*lenght', but no size is called 'lenght'; named sizes "
           "are: 'batch' (ids[0], mask[0], cache[0]), 'past' (mask[1], cache[2]), 'sequence' "
           "(ids[1], mask[1])");
  Built fixed;
  fixed.input("x", Dims_{1, 3}).output("y", {1, 3});
  CHECK_EQ(fixed.bound({}, {{"n", 1}}),
           "no size of an input is called 'n'; all sizes of all inputs are fixed");
}

TEST(a_name_in_many_inputs_is_listed_by_the_first) {
  Built made = decoder();
  for (const char* name : {"k1", "v1", "k2"}) made.input(name, Dims_{named("batch"), 4});
  CHECK_EQ(made.bound({}, {{"bach", 1}}),
           "no size of an input is called 'bach'; named sizes are: 'batch' (ids[0], mask[0], "
           "cache[0] and 3 more), 'past' (mask[1], cache[2]), 'sequence' (ids[1], mask[1])");
}

TEST(a_wrong_number_of_sizes_is_refused) {
  CHECK_EQ(decoder().bound({{"ids", {1, 2, 3}}}, {}),
           "input 'ids' has 2 dimensions [batch, sequence], but 3 sizes were given: [1, 2, 3]");
}

TEST(other_sizes_than_the_model_has_are_refused) {
  CHECK_EQ(decoder().bound({{"cache", {1, 8, 0, 64}}}, {}),
           "the shape given for 'cache' (axis 1) is 8, but the model has a fixed 12 there");
  CHECK_EQ(decoder().bound({{"ids", {1, -2}}}, {}),
           "a size is 0 or more: the shape given for 'ids' (axis 1) is -2");
}

TEST(sizes_that_contradict_each_other_are_refused_with_both) {
  CHECK_EQ(decoder().bound({{"ids", {1, 8}}}, {{"batch", 2}}),
           "sizes contradict each other: 'batch' is 2 by the size given for 'batch', and 1 by the "
           "shape given for 'ids' (axis 0)");
  CHECK_EQ(decoder().bound({{"ids", {1, 8}}, {"cache", {2, 12, 0, 64}}}, {}),
           "sizes contradict each other: 'batch' is 2 by the shape given for 'cache' (axis 0), "
           "and 1 by the shape given for 'ids' (axis 0)");
  CHECK_EQ(decoder().bound({{"mask", {1, 8}}}, {{"past", 1}, {"sequence", 8}}),
           "sizes contradict each other: 'past + sequence' cannot be 8, which the shape given for "
           "'mask' (axis 1) wants; 'past' is 1 by the size given for 'past', 'sequence' is 8 by "
           "the size given for 'sequence'");
  CHECK_EQ(decoder().bound({{"mask", {1, 4}}}, {{"sequence", 8}}),
           "sizes contradict each other: 'past + sequence' cannot be 4, which the shape given for "
           "'mask' (axis 1) wants; 'sequence' is 8 by the size given for 'sequence'");
}

TEST(expressions_are_turned_around) {
  Built made;
  made.input("x", Dims_{named("2*s0"), named("s1//2")}).output("y", {named("s0"), named("s1")});
  CHECK_EQ(made.bound({{"x", {6, Dim()}}}, {}), "x[6, s1//2] y[3, s1]");
  CHECK_EQ(made.bound({{"x", {5, Dim()}}}, {}),
           "sizes contradict each other: '2*s0' cannot be 5, which the shape given for 'x' (axis "
           "0) wants");
  CHECK_EQ(made.bound({{"x", {Dim(), 4}}}, {}),
           "'s1//2' is 4 by the shape given for 'x' (axis 1), which several sizes fit: give 's1', "
           "such as 8 or 9");
  CHECK_EQ(made.bound({{"x", {Dim(), 4}}}, {{"s1", 9}}), "x[2*s0, 4] y[s0, 9]");
  Built square;
  square.input("x", Dims_{named("n**2")}).output("y", {named("n")});
  CHECK_EQ(square.bound({{"x", {9}}}, {}), "x[9] y[3]");
  CHECK_EQ(square.bound({{"x", {8}}}, {}),
           "sizes contradict each other: 'n**2' cannot be 8, which the shape given for 'x' (axis "
           "0) wants");
}

TEST(an_expression_that_stays_open_is_refused) {
  CHECK_EQ(decoder().bound({{"mask", {Dim(), 10}}}, {}),
           "'past + sequence' is 10 by the shape given for 'mask' (axis 1), which leaves open what "
           "'past', 'sequence' are: give their sizes too");
}

TEST(a_default_value_has_to_fit) {
  Built made;
  made.input("x", Dims_{named("n")}).output("y", {named("n")});
  const std::vector<float> two{1, 2};
  made.graph().set_initializer(
      make_tensor_copy("x", DType::float32, {2}, std::as_bytes(std::span(two))));
  CHECK_EQ(made.bound({}, {{"n", 2}}), "x[2] y[2]");
  CHECK_EQ(made.bound({}, {{"n", 3}}),
           "input 'x' has a default value of sizes [2], which are not [3]");
}

TEST(values_of_bodies_are_bound_too) {
  Built made = decoder();
  Graph& main = made.graph();
  auto body = std::make_shared<Graph>();
  body->add_output(body->intern("inside"),
                   tensor_type(DType::float32, Dims_{named("batch*sequence")}));
  Node loop;
  loop.op_type = Text("If");
  loop.inputs.push_back(main.intern("ids"));
  loop.outputs.push_back(main.intern("out"));
  loop.attributes.emplace_back("then_branch", AttributeValue(body));
  main.add_node(std::move(loop));
  const auto bound = bind_dims(*made.model, {}, {{"batch", 2}, {"sequence", 3}});
  CHECK(bound.ok());
  const Graph& copy = bound.value().model->graph();
  const GraphPtr inside = copy.node(copy.nodes().back()).bodies().at(0);
  CHECK_EQ(type_text(inside->outputs()[0].type.get()), "float32[6]");
  CHECK_EQ(type_text(body->outputs()[0].type.get()), "float32[batch*sequence]");
}

TEST(sizes_that_follow_are_reported) {
  const auto bound = bind_dims(*decoder().model, {{"mask", {1, 9}}}, {{"past", 4}});
  CHECK(bound.ok());
  CHECK_EQ(bound.value().sizes.at("sequence"), Expr(5));
  CHECK_EQ(bound.value().sizes.at("batch"), Expr(1));
}

}  // namespace
