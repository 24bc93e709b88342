// What a plan leaves to be moved, and why.

#include "layout_models.h"
#include "passes/layout/plan_layout.h"

namespace {

using namespace pot;
using namespace pot::layout_models;

const Ints kNhwc{0, 2, 3, 1};
const Ints kNchw{0, 3, 1, 2};

/// "a 0,1,2,3>0,2,3,1 48", one a line.
std::string text(const LayoutPlan& plan) {
  std::string out;
  for (const LayoutPlan::Move& move : plan.moves) {
    out += (out.empty() ? "" : "\n") + move.value + " " + move.from.text() + ">" + move.to.text() +
           " " + std::to_string(move.bytes);
  }
  return out;
}

LayoutPlan plan_of(const ModelPtr& model, const LayoutOptions& options = {}) {
  return plan_layout(network_of(*model, options));
}

/// x (1 x channels x 6 x 5) -> Transpose -> times a matrix -> Transpose -> y
ModelPtr product(std::int64_t channels) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(channels), Dim(6), Dim(5)}).transpose("x", "a", kNhwc);
  drawn.weight("w", {channels, channels}).node("MatMul", {"a", "w"}, {"b"});
  drawn.transpose("b", "y", kNchw).output("y");
  return model;
}

/// x (1x2x3x4) -> Transpose -> Abs -> Transpose -> y
ModelPtr sandwich(const char* op) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(2), Dim(3), Dim(4)}).transpose("x", "a", kNhwc);
  drawn.node(op, {"a"}, {"b"}).transpose("b", "y", kNchw).output("y");
  return model;
}

}  // namespace

TEST(transposes_around_an_elementwise_operator_go) {
  const LayoutPlan plan = plan_of(sandwich("Abs"));
  CHECK_EQ(text(plan), std::string(""));
  CHECK_EQ(plan.before.transposes, 2);
  CHECK_EQ(plan.before.bytes, 2 * 24 * 4);
  CHECK_EQ(plan.after.transposes, 0);
  CHECK_EQ(plan.optimum, 0);
}

TEST(an_operator_of_which_nothing_is_known_keeps_its_transposes) {
  const LayoutPlan plan = plan_of(sandwich("Det5"));
  CHECK_EQ(text(plan), std::string("a 0,1,2,3>0,2,3,1 96"));  // what it makes has no rank
  CHECK_EQ(plan.after.bytes, plan.before.bytes);
  CHECK_EQ(plan.moves[0].between, std::string("input 'x'"));
  CHECK_EQ(plan.moves[0].readers, std::vector<std::string>{"node 'n_b' (Det5)"});
  CHECK_EQ(plan.moves[0].reason,
           std::string("node 'n_b' (Det5): nothing is known of how it looks in another layout; "
                       "input 'x': it keeps its layout unless another one is asked for"));
}

TEST(only_cancel_merges_chains_and_leaves_the_rest) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(2), Dim(3), Dim(4)}).transpose("x", "a", kNhwc);
  drawn.transpose("a", "b", kNchw).node("Abs", {"b"}, {"c"}).transpose("c", "d", kNhwc);
  drawn.transpose("d", "e", kNhwc).node("Neg", {"e"}, {"y"}).output("y");
  const LayoutPlan plan = plan_of(model, {.only_cancel = true});
  CHECK_EQ(text(plan), std::string("e 0,1,2,3>0,3,1,2 96"));
  CHECK_EQ(plan.before.transposes, 4);
  CHECK_EQ(plan.moves[0].reason,
           std::string("node 'n_y' (Neg): only Transposes are to be touched; "
                       "node 'n_c' (Abs): only Transposes are to be touched"));
}

TEST(readers_of_one_layout_share_a_conversion) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(2), Dim(3), Dim(4)});
  drawn.transpose("x", "a", kNhwc).transpose("x", "b", kNhwc).output("a").output("b");
  const LayoutPlan plan = plan_of(model);
  CHECK_EQ(text(plan), std::string("a 0,1,2,3>0,2,3,1 96"));
  CHECK_EQ(plan.moves[0].readers, (std::vector<std::string>{"output 'a'", "output 'b'"}));
}

TEST(where_only_axes_of_one_element_change_place_nothing_is_moved) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(8), Dim(1), Dim(1)});
  drawn.transpose("x", "y", kNhwc).output("y");
  const LayoutPlan plan = plan_of(model);
  CHECK_EQ(text(plan), std::string("y 0,1,2,3>0,2,3,1 0"));
  CHECK_EQ(plan.before.transposes, 0);
  CHECK_EQ(plan.after.transposes, 0);
}

TEST(the_second_layout_of_the_same_bytes_is_no_second_move) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(2), Dim(3), Dim(1)});
  drawn.transpose("x", "a", {0, 2, 1, 3}).transpose("x", "b", {2, 1, 0, 3});
  drawn.output("a").output("b");
  const LayoutPlan plan = plan_of(model);
  CHECK_EQ(text(plan), std::string("a 0,1,2,3>0,2,1,3 24\nb 0,2,1,3>2,1,0,3 0"));
}

TEST(transposes_of_constants_are_no_moves) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(3), Dim(2)}).weight("w", {2, 3}).transpose("w", "w_t", {1, 0});
  drawn.node("Add", {"x", "w_t"}, {"y"}).output("y");
  const LayoutPlan plan = plan_of(model);
  CHECK_EQ(text(plan), std::string(""));
  CHECK_EQ(plan.before.transposes, 0);
}

TEST(a_border_that_is_asked_for_costs_what_it_moves) {
  ModelPtr model = empty_model();
  Drawn{model->graph()}.input("x", {Dim(1), Dim(3), Dim(4)}).node("Abs", {"x"}, {"y"}).output("y");
  LayoutOptions options;
  options.io["x"] = NamedLayout::nhwc;
  const LayoutPlan plan = plan_of(model, options);
  CHECK_EQ(plan.after.transposes, 1);
  CHECK_EQ(plan.optimum, 48);
  CHECK_EQ(plan.moves[0].reason,
           std::string("moving it past node 'n_y' (Abs) moves no fewer bytes (output 'y': it keeps "
                       "its layout unless another one is asked for); input 'x': another "
                       "layout was asked for"));
}

TEST(a_product_over_channels_goes_where_they_are) {
  const LayoutPlan plan = plan_of(product(32));
  CHECK_EQ(text(plan), std::string(""));
  CHECK_EQ(plan.optimum, 0);
}

TEST(a_large_product_keeps_its_weight_on_the_right) {
  const LayoutPlan plan = plan_of(product(1024));
  CHECK_EQ(plan.after.bytes, plan.before.bytes);
  CHECK_EQ(plan.optimum, 0);  // of bytes alone
  CHECK_EQ(plan.moves[0].reason,
           std::string("node 'n_b' (MatMul): it would run slower so, by more than moving takes; "
                       "input 'x': it keeps its layout unless another one is asked for"));
}

TEST(operands_that_lie_otherwise_for_reasons_of_their_own_are_composed) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("a", {Dim(6), Dim(4)}).input("b", {Dim(5), Dim(6)});
  drawn.transpose("a", "a_t", {1, 0}).transpose("b", "b_t", {1, 0});
  drawn.node("MatMul", {"a_t", "b_t"}, {"y"}).output("y");
  const LayoutPlan plan = plan_of(model);
  CHECK_EQ(text(plan), std::string(""));
}
