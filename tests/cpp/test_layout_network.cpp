// Families of values, what reads and makes them, and the layouts that they can have.

#include <algorithm>

#include "layout_models.h"
#include "passes/layout/layout_labels.h"
#include "passes/layout/weighed_sizes.h"

namespace {

using namespace pot;
using namespace pot::layout_models;

const Ints kNhwc{0, 2, 3, 1};
const Ints kNchw{0, 3, 1, 2};

std::string name_of(const LayoutValue& value) {
  return std::string(value.graph->value_name(value.id));
}

/// "x a:0,2,3,1 b:0,1,2,3", the root first.
std::string text(const ValueFamily& family) {
  std::string out = name_of(family.members.front().value);
  for (std::size_t i = 1; i < family.members.size(); ++i) {
    out += " " + name_of(family.members[i].value) + ":" + family.members[i].perm.text();
  }
  return out;
}

std::vector<std::string> texts(const LayoutNetwork& network) {
  std::vector<std::string> out;
  for (const ValueFamily& family : network.families) out.push_back(text(family));
  return out;
}

const LayoutPlace& place(const LayoutNetwork& network, const std::string& label) {
  const auto found = std::ranges::find(network.places, label, &LayoutPlace::label);
  CHECK(found != network.places.end());
  return found == network.places.end() ? network.places.front() : *found;
}

/// "0,1 0,1 | 1,0 1,0": the layouts of each port, mode by mode.
std::string modes(const LayoutPlace& place) {
  std::string out;
  for (const LayoutPlace::Mode& mode : place.modes) {
    if (!out.empty()) out += " | ";
    for (std::size_t port = 0; port < mode.layouts.size(); ++port) {
      out += (port ? " " : "") + mode.layouts[port].text();
    }
  }
  return out;
}

GraphPtr branch(const char* reads, const char* makes, const char* op) {
  auto body = std::make_shared<Graph>();
  Drawn{*body}.node(op, {reads}, {makes}).output(makes);
  return body;
}

/// x -> If(Abs or Neg of x) -> y -> Transpose -> z
ModelPtr with_if(GraphPtr then, GraphPtr other) {
  ModelPtr model = empty_model();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("c"), tensor_type(DType::boolean, Sizes{}));
  Drawn drawn{graph};
  drawn.input("x", {Dim(2), Dim(3)});
  std::vector<std::pair<const char*, AttributeValue>> bodies;
  bodies.emplace_back("then_branch", AttributeValue(std::move(then)));
  bodies.emplace_back("else_branch", AttributeValue(std::move(other)));
  drawn.node("If", {"c"}, {"y"}, std::move(bodies));
  drawn.transpose("y", "z", {1, 0}).output("z");
  return model;
}

/// (i, go, h) => (go, h2, row): h2 = Abs(h), row = Neg(h)
ModelPtr with_loop() {
  auto body = std::make_shared<Graph>();
  body->add_input(body->intern("i"), tensor_type(DType::int64, Sizes{}));
  body->add_input(body->intern("go"), tensor_type(DType::boolean, Sizes{}));
  Drawn{*body}.input("h", {Dim(2), Dim(3)}).node("Identity", {"go"}, {"more"});
  Drawn{*body}.node("Abs", {"h"}, {"h2"}).node("Neg", {"h"}, {"row"});
  Drawn{*body}.output("more").output("h2").output("row");
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  const std::int64_t trips = 5;
  model->graph().set_initializer(
      make_tensor_copy("trips", DType::int64, {}, std::as_bytes(std::span(&trips, 1))));
  drawn.input("x", {Dim(2), Dim(3)});
  drawn.node("Loop", {"trips", "", "x"}, {"y", "rows"}, Drawn::one("body", std::move(body)));
  drawn.transpose("y", "y_t", {1, 0}).transpose("rows", "rows_t", {0, 2, 1});
  drawn.output("y_t").output("rows_t");
  return model;
}

std::string problem_of(Model& model, const LayoutOptions& options) {
  const auto facts = infer_shapes(model);
  const auto network = layout_network(model, facts.value(), options);
  CHECK(!network.ok());
  if (network.ok()) return "";
  CHECK(network.error().kind == Error::Kind::request);
  return network.error().message;
}

}  // namespace

TEST(transposes_of_a_value_are_one_family) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(4), Dim(5), Dim(3)}).transpose("x", "a", kNchw);
  drawn.transpose("a", "b", kNhwc).node("Transpose", {"a"}, {"r"}).output("b").output("r");
  const LayoutNetwork network = network_of(*model);
  CHECK_EQ(texts(network), std::vector<std::string>{"x a:0,3,1,2 b:0,1,2,3 r:2,1,3,0"});
  CHECK_EQ(network.transposes.size(), 3u);
  CHECK_EQ(network.families[0].members[2].source, 1u);
  CHECK_EQ(network.families[0].bytes, 4 * 5 * 3 * 4);
  CHECK_EQ(network.places.size(), 3u);  // x, b and r
}

TEST(a_transpose_of_a_constant_is_a_constant_in_another_layout) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(3), Dim(2)}).weight("w", {2, 3}).transpose("w", "w_t", {1, 0});
  drawn.node("Add", {"x", "w_t"}, {"y"}).output("y");
  const LayoutNetwork network = network_of(*model);
  CHECK_EQ(text(network.families[1]), std::string("w w_t:1,0"));
  CHECK(network.families[1].constant != nullptr);
  CHECK(network.families[0].constant == nullptr);
}

TEST(a_perm_that_is_none_leaves_the_node_alone) {
  for (const Ints& perm : {Ints{0, 0}, Ints{0, 1, 2}, Ints{0, 5}}) {
    ModelPtr model = empty_model();
    Drawn drawn{model->graph()};
    drawn.input("x", {Dim(3), Dim(2)}).transpose("x", "y", perm).output("y");
    const LayoutNetwork network = network_of(*model);
    CHECK(network.transposes.empty());
    CHECK_EQ(text(network.families[0]), std::string("x"));
  }
}

TEST(what_has_no_rank_has_no_layout) {
  ModelPtr model = empty_model();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), tensor_type(DType::float32, std::nullopt));
  Drawn{graph}.transpose("x", "y", {1, 0}).node("Abs", {"x"}, {"z"}).output("y").output("z");
  const LayoutNetwork network = network_of(*model);
  for (const ValueFamily& family : network.families)
    CHECK_EQ(name_of(family.members[0].value), "y");
  CHECK(network.transposes.empty());
}

TEST(a_body_may_transpose_what_is_around_it) {
  auto then = std::make_shared<Graph>();
  Drawn{*then}.transpose("x", "x_t", {1, 0}).node("Transpose", {"x_t"}, {"t"}).output("t");
  ModelPtr model = with_if(std::move(then), branch("x", "e", "Neg"));
  const LayoutNetwork network = network_of(*model);
  CHECK_EQ(text(network.families[1]), std::string("x x_t:1,0 t:0,1"));
  const LayoutPlace& tie = place(network, "output 'y' of node 'n_y' (If)");
  CHECK_EQ(tie.ports[0].family, 1u);
  CHECK(tie.ports[0].graph != model->graph_ptr().get());  // it is the branch that reads it
}

TEST(both_branches_of_an_if_make_the_same_layout) {
  ModelPtr model = with_if(branch("x", "t", "Abs"), branch("x", "e", "Neg"));
  const LayoutNetwork network = network_of(*model);
  CHECK_EQ(modes(place(network, "output 'y' of node 'n_y' (If)")),
           std::string("0,1 0,1 0,1 | 1,0 1,0 1,0"));
  CHECK_EQ(modes(place(network, "node 'n_y' (If)")), std::string(""));
}

TEST(branches_of_other_ranks_keep_their_layouts) {
  auto other = std::make_shared<Graph>();
  Drawn{*other}.ints("first", {0}).node("Squeeze", {"e3"}, {"e"}).output("e");
  Drawn{*other}.node("Shape", {"x"}, {"e3"});
  ModelPtr model = with_if(branch("x", "t", "Abs"), std::move(other));
  const LayoutNetwork network = network_of(*model);
  for (const LayoutPlace& one : network.places) {
    CHECK(one.kind != LayoutPlace::Kind::branch_output);
  }
}

TEST(a_loop_carries_its_state_in_one_layout) {
  ModelPtr model = with_loop();
  const LayoutNetwork network = network_of(*model);
  const LayoutPlace& state = place(network, "state 'h' of node 'n_y' (Loop)");
  CHECK_EQ(state.ports.size(), 4u);  // first, next; in the body, last
  CHECK_EQ(modes(state), std::string("0,1 0,1 0,1 0,1 | 1,0 1,0 1,0 1,0"));
}

TEST(a_loop_stacks_what_a_turn_makes_on_an_axis_in_front) {
  ModelPtr model = with_loop();
  const LayoutNetwork network = network_of(*model);
  const LayoutPlace& rows = place(network, "output 'rows' of node 'n_y' (Loop)");
  CHECK_EQ(modes(rows), std::string("0,1 0,1,2 | 1,0 0,2,1"));
}

TEST(the_turns_of_a_loop_stay_in_front) {
  ModelPtr model = with_loop();
  Drawn{model->graph()}.transpose("rows", "last", {1, 2, 0}).output("last");
  const LayoutNetwork network = network_of(*model);
  const LayoutPlace& rows = place(network, "output 'rows' of node 'n_y' (Loop)");
  CHECK_EQ(rows.refused.size(), 1u);
  CHECK_EQ(rows.refused[0].reason, std::string("what each turn adds is stacked on the first axis"));
}

TEST(only_transposes_are_touched_when_that_is_asked_for) {
  ModelPtr model = with_if(branch("x", "t", "Abs"), branch("x", "e", "Neg"));
  const LayoutNetwork network = network_of(*model, {.only_cancel = true});
  for (const LayoutPlace& one : network.places) CHECK_EQ(one.modes.size(), 1u);
  CHECK_EQ(place(network, "output 'y' of node 'n_y' (If)").refused[0].reason,
           std::string("only Transposes are to be touched"));
}

TEST(an_input_lies_as_it_is_asked_to) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(3), Dim(4), Dim(5)}).transpose("x", "y", kNhwc).output("y");
  LayoutOptions options;
  options.io["x"] = NamedLayout::nhwc;
  options.io["y"] = *Permutation::of(kNchw);
  const LayoutNetwork network = network_of(*model, options);
  CHECK_EQ(modes(place(network, "input 'x'")), std::string("0,2,3,1"));
  CHECK_EQ(modes(place(network, "output 'y'")), std::string("0,1,2,3"));
  CHECK_EQ(network.border.at("x").text(), std::string("0,2,3,1"));
  CHECK_EQ(network.border.at("y").text(), std::string("0,3,1,2"));
  CHECK_EQ(network.notes, std::vector<std::string>{"'x' is taken as nchw: no operator near it says "
                                                   "where its channels are"});
}

TEST(what_lies_so_already_is_no_change_of_the_border) {
  ModelPtr model = empty_model();
  Drawn{model->graph()}.input("x", {Dim(1), Dim(3), Dim(4)}).node("Abs", {"x"}, {"y"}).output("y");
  LayoutOptions options;
  options.io["x"] = NamedLayout::nchw;
  const LayoutNetwork network = network_of(*model, options);
  CHECK(network.border.empty());
  CHECK_EQ(modes(place(network, "input 'x'")), std::string("0,1,2"));
}

TEST(a_border_that_does_not_fit_is_an_error) {
  ModelPtr model = empty_model();
  Drawn{model->graph()}.input("x", {Dim(2), Dim(3)}).node("Abs", {"x"}, {"y"}).output("y");
  LayoutOptions options;
  options.io["z"] = NamedLayout::nhwc;
  CHECK_EQ(problem_of(*model, options),
           std::string("the model has no input or output 'z'; its inputs: 'x'; its outputs: 'y'"));
  options.io = {{"x", NamedLayout::nhwc}};
  CHECK_EQ(problem_of(*model, options),
           std::string("'x' has 2 axes; nchw and nhwc are layouts of 3 or more: give an order of "
                       "its axes"));
  options.io = {{"x", *Permutation::of(kNhwc)}};
  CHECK_EQ(problem_of(*model, options), std::string("'x' has 2 axes, the order 0,2,3,1 has 4"));
}

TEST(a_border_without_a_rank_is_an_error) {
  ModelPtr model = empty_model();
  Graph& graph = model->graph();
  graph.add_input(graph.intern("x"), tensor_type(DType::float32, std::nullopt));
  Drawn{graph}.node("Abs", {"x"}, {"y"}).output("y");
  LayoutOptions options;
  options.io["x"] = NamedLayout::nhwc;
  CHECK_EQ(problem_of(*model, options),
           std::string("'x' cannot be stored otherwise: its number of axes is not known"));
}

TEST(an_input_with_a_default_value_keeps_its_layout) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.weight("x", {2, 3, 4}).input("x", {Dim(2), Dim(3), Dim(4)});
  drawn.node("Abs", {"x"}, {"y"}).output("y");
  LayoutOptions options;
  options.io["x"] = NamedLayout::nhwc;
  const LayoutNetwork network = network_of(*model, options);
  CHECK_EQ(network.left.size(), 1u);
  CHECK_EQ(network.left[0].second,
           std::string("its default value would have to lie otherwise too"));
  CHECK(network.border.empty());
}

TEST(open_sizes_weigh_as_told_or_as_guessed) {
  ModelPtr model = empty_model();
  Drawn{model->graph()}.input("x", {Dim("n"), Dim("c"), Dim("h//2"), Dim()}).output("x");
  const std::map<std::string, std::int64_t> none;
  const std::map<std::string, std::int64_t> given{{"n", 8}, {"h", 10}};
  const auto facts = infer_shapes(*model);
  const Graph& graph = model->graph();
  const Dims dims = *facts.value().of(graph, graph.inputs()[0].value).dims;
  const WeighedSizes guessed(graph, facts.value(), none);
  const WeighedSizes told(graph, facts.value(), given);
  CHECK_EQ(guessed.bytes(dims, DType::float32), 1 * 64 * 32 * 64 * 4);
  CHECK_EQ(told.bytes(dims, DType::float16), 8 * 64 * 5 * 64 * 2);
  CHECK_EQ(told.bytes({}, DType::int4), 1);
  const Expr huge = std::int64_t{1} << 40;
  CHECK_EQ(told.bytes({huge, huge, huge}, DType::float64), 1'000'000'000'000);
}

TEST(layouts_that_store_the_same_bytes_are_one_group) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(4), Dim(4), Dim(1)}).transpose("x", "a", kNchw);
  drawn.transpose("x", "b", {0, 2, 1, 3}).output("a").output("b");
  const LayoutLabels labels = label_layouts(network_of(*model));
  CHECK_EQ(labels.layouts[0].size(), 3u);
  CHECK_EQ(labels.problem.families[0].group, (std::vector<std::size_t>{0, 0, 2}));
}
