// Where channels are, what is to compute channels-last, and what a target runs faster so.

#include <algorithm>

#include "layout_models.h"
#include "passes/layout/plan_layout.h"

namespace {

using namespace pot;
using namespace pot::layout_models;

const Ints kNhwc{0, 2, 3, 1};
const Ints kNchw{0, 3, 1, 2};

const LayoutPlace& place(const LayoutNetwork& network, const std::string& label) {
  const auto found = std::ranges::find(network.places, label, &LayoutPlace::label);
  CHECK(found != network.places.end());
  return found == network.places.end() ? network.places.front() : *found;
}

/// x -> Conv -> Relu -> Conv -> y, of 1x4x6x5
ModelPtr convolved() {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(4), Dim(6), Dim(5)}).weight("w", {4, 4, 1, 3});
  drawn.node("Conv", {"x", "w"}, {"a"}, Drawn::one("pads", Ints{0, 1, 0, 1}));
  drawn.node("Relu", {"a"}, {"b"});
  drawn.node("Conv", {"b", "w"}, {"y"}, Drawn::one("pads", Ints{0, 1, 0, 1})).output("y");
  return model;
}

/// x (1x6x5x4) -> Abs -> Transpose -> Conv -> Transpose -> y: as a channels-last framework has it.
ModelPtr channels_last_file() {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(6), Dim(5), Dim(4)}).weight("w", {4, 4, 1, 3});
  drawn.node("Abs", {"x"}, {"a"}).transpose("a", "b", kNchw);
  drawn.node("Conv", {"b", "w"}, {"c"}, Drawn::one("pads", Ints{0, 1, 0, 1}));
  drawn.transpose("c", "y", kNhwc).output("y");
  return model;
}

}  // namespace

TEST(convolutions_say_where_the_channels_are) {
  ModelPtr model = channels_last_file();
  LayoutOptions options;
  options.io["x"] = NamedLayout::nhwc;
  options.io["y"] = NamedLayout::nchw;
  const LayoutNetwork network = network_of(*model, options);
  CHECK(network.notes.empty());
  CHECK(!network.border.contains("x"));  // it lies so already
  CHECK_EQ(network.border.at("y").text(), std::string("0,3,1,2"));
  CHECK_EQ(plan_layout(network).after.transposes, 1);
}

TEST(channels_last_leaves_an_operator_no_other_choice) {
  ModelPtr model = convolved();
  const LayoutNetwork network = network_of(*model, {.to = LayoutOptions::To::channels_last});
  const LayoutPlace& conv = place(network, "node 'n_a' (Conv)");
  CHECK_EQ(conv.modes.size(), 1u);
  CHECK_EQ(conv.modes[0].layouts[0].text(), std::string("0,2,3,1"));
  CHECK_EQ(conv.refused.front().reason, std::string("it computes channels-last"));
  const LayoutPlan plan = plan_layout(network);
  CHECK_EQ(plan.after.transposes, 2);  // x and y stay as they are
}

TEST(a_file_with_channels_last_has_nothing_to_move_for_it) {
  const LayoutPlan plan =
      plan_layout(network_of(*channels_last_file(), {.to = LayoutOptions::To::channels_last}));
  CHECK_EQ(plan.before.transposes, 2);
  CHECK_EQ(plan.after.transposes, 0);
}

TEST(a_normalization_of_what_is_no_image_is_not_moved_for) {
  ModelPtr model = empty_model();
  Drawn drawn{model->graph()};
  drawn.input("x", {Dim(1), Dim(4), Dim(6), Dim(5)}).weight("s", {2}).weight("b", {2});
  drawn.ints("groups", {1, 2, 60}).ints("image", {1, 4, 6, 5});
  drawn.node("Reshape", {"x", "groups"}, {"g"});
  drawn.node("InstanceNormalization", {"g", "s", "b"}, {"n"});
  drawn.node("Reshape", {"n", "image"}, {"y"}).output("y");
  const LayoutNetwork network = network_of(*model, {.to = LayoutOptions::To::channels_last});
  CHECK_EQ(plan_layout(network).after.transposes, 0);
}

TEST(what_cannot_be_computed_channels_last_is_left) {
  ModelPtr model = empty_model();
  Graph& graph = model->graph();
  Drawn drawn{graph};
  drawn.input("x", {Dim(1), Dim(4), Dim(6), Dim(5)});
  graph.add_input(graph.intern("w"), tensor_type(DType::float32, std::nullopt));
  drawn.node("Conv", {"x", "w"}, {"y"}).output("y");
  const LayoutNetwork network =
      network_of(*model, {.to = LayoutOptions::To::channels_last, .filters = FilterLayout::hwio});
  CHECK_EQ(network.left.size(), 1u);
  for (const auto& [who, why] : network.left) {
    CHECK_EQ(who, std::string("node 'n_y' (Conv)"));
    CHECK_EQ(why, std::string("the rank of input 1 is not known"));
  }
}

TEST(an_operator_goes_where_a_target_runs_it_faster) {
  LayoutOptions options;
  options.target_costs.push_back({.op_type = "Relu", .layout = NamedLayout::nchw, .factor = 1.5});
  CHECK_EQ(plan_layout(network_of(*convolved(), options)).after.transposes, 0);
  options.target_costs[0].factor = 2.5;  // more than there and back
  const LayoutPlan plan = plan_layout(network_of(*convolved(), options));
  CHECK_EQ(plan.after.transposes, 2);
  CHECK_EQ(plan.optimum, plan.after.bytes);
  CHECK_EQ(plan.moves[0].reason,
           std::string("node 'n_b' (Relu): it would run slower so, by more than moving takes; "
                       "node 'n_a' (Conv): a convolution has its batch and channels first"));
}
