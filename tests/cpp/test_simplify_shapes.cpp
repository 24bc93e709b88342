// Shape arithmetic over names of sizes: constants where none of them matters, one value for equal
// ones, and fewer nodes for the rest.

#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "ir/print.h"
#include "passes/prune.h"
#include "passes/simplify_shapes.h"

namespace {

using namespace pot;

struct Built {
  ModelPtr model = std::make_shared<Model>();

  explicit Built(std::int64_t opset = 17) {
    model->set_ir_version(8);
    model->set_opset("", opset);
  }
  Graph& graph() { return model->graph(); }

  Built& input(const char* name, std::vector<Dim> dims) {
    graph().add_input(graph().intern(name), tensor_type(DType::float32, std::move(dims)));
    return *this;
  }
  Built& ints(const char* name, std::vector<std::int64_t> numbers) {
    graph().set_initializer(make_int64s(name, numbers));
    return *this;
  }
  Built& scalar(const char* name, std::int64_t number) {
    graph().set_initializer(
        make_tensor_copy(name, DType::int64, {}, std::as_bytes(std::span(&number, 1))));
    return *this;
  }
  Built& node(const char* op, const char* output, std::vector<const char*> inputs,
              std::vector<std::pair<const char*, std::int64_t>> attributes = {}) {
    Node node;
    node.op_type = Text(op);
    for (const char* name : inputs) node.inputs.push_back(graph().intern(name));
    node.outputs.push_back(graph().intern(output));
    for (const auto& [name, number] : attributes) node.attributes.emplace_back(name, number);
    graph().add_node(std::move(node));
    return *this;
  }
  Built& output(const char* name) {
    graph().add_output(graph().intern(name), nullptr);
    return *this;
  }

  /// To a fixpoint; what nothing reads goes.
  Built& simplify() {
    model = model->copy();  // whose graph knows its model
    for (int round = 0; round < 8; ++round) {
      const auto facts = infer_shapes(*model);
      CHECK(facts.ok());
      const auto changed = simplify_shapes(*model, facts.value(), changes);
      CHECK(changed.ok());
      CHECK(prune(*model, changes).ok());
      if (!changed.value()) return *this;
    }
    const bool comes_to_an_end = false;
    CHECK(comes_to_an_end);
    return *this;
  }

  /// "Shape Concat Reshape"
  std::string ops() {
    std::string out;
    const auto order = graph().order();
    for (const NodeId id : order.value()) {
      out += (out.empty() ? "" : " ") + graph().node(id).op_type.value;
    }
    return out;
  }
  /// The constant that the node which makes `value` reads: "[0, -1]", "none" when it is computed.
  std::string constant(const char* value, std::size_t slot) {
    const Node& maker = graph().node(graph().value(graph().find_value(value)).producer);
    const TensorRef tensor = graph().constant(maker.inputs[slot]);
    if (!tensor) return "none";
    std::string out = "[";
    const auto numbers = read_ints(*tensor);
    for (const std::int64_t each : numbers.value()) {
      out += (out.size() > 1 ? ", " : "") + std::to_string(each);
    }
    return out + "]";
  }

  Changes changes{};
};

Dim named(const char* name) { return Dim(std::string(name)); }

/// x [1, s, 8] and its size s as list of one.
Built sequence() {
  Built made;
  made.input("x", {1, named("s"), 8});
  made.node("Shape", "shape", {"x"}).ints("one", {1}).scalar("second", 1).ints("head", {1});
  made.node("Gather", "s", {"shape", "one"}).ints("tail", {2, 4});
  return made;
}

TEST(a_copied_size_is_0) {
  Built made = sequence();
  made.node("Concat", "target", {"head", "s", "tail"}, {{"axis", 0}});
  made.node("Reshape", "y", {"x", "target"}, {{"allowzero", 1}}).output("y").simplify();
  CHECK_EQ(made.ops(), "Reshape");
  CHECK_EQ(made.constant("y", 1), "[1, 0, 2, 4]");
  CHECK(!made.graph().node(made.graph().nodes()[0]).attribute("allowzero"));
}

TEST(what_is_left_is_minus_1) {
  Built made = sequence();
  made.ints("two", {2}).node("Mul", "twice", {"s", "two"}).ints("four", {4});
  made.node("Concat", "target", {"twice", "four"}, {{"axis", 0}});
  made.node("Reshape", "y", {"x", "target"}).output("y").simplify();
  CHECK_EQ(made.ops(), "Reshape");
  CHECK_EQ(made.constant("y", 1), "[-1, 4]");
}

TEST(beside_a_size_that_may_be_0_nothing_is_left_over) {
  Built made;
  made.input("x", {named("b"), named("s"), 8});
  made.node("Shape", "shape", {"x"}).ints("b_at", {0}).ints("s_at", {1}).ints("two", {2});
  made.node("Gather", "b", {"shape", "b_at"}).node("Gather", "s", {"shape", "s_at"});
  made.node("Mul", "twice", {"s", "two"}).ints("four", {4});
  made.node("Concat", "target", {"b", "twice", "four"}, {{"axis", 0}});
  made.node("Reshape", "y", {"x", "target"}).output("y").simplify();
  CHECK_EQ(made.constant("y", 1), "none");
}

TEST(two_sizes_that_moved_stay_computed) {
  Built made;
  made.input("x", {1, named("h*w"), 8}).input("image", {1, 3, named("h"), named("w")});
  made.node("Shape", "shape", {"image"}).scalar("two", 2).scalar("three", 3).ints("front", {0});
  made.node("Gather", "h", {"shape", "two"}).node("Gather", "w", {"shape", "three"});
  made.node("Unsqueeze", "h1", {"h", "front"}).node("Unsqueeze", "w1", {"w", "front"});
  made.ints("head", {1}).ints("tail", {8});
  made.node("Concat", "target", {"head", "h1", "w1", "tail"}, {{"axis", 0}});
  made.node("Reshape", "y", {"x", "target"}).output("y").simplify();
  CHECK_EQ(made.ops(), "Shape Concat Reshape");
  CHECK_EQ(made.constant("y", 1), "none");
}

TEST(axes_of_1_are_added_or_dropped_without_sizes) {
  for (const std::int64_t opset : {11, 17}) {
    Built made(opset);
    made.input("x", {named("h"), named("w")}).node("Shape", "hw", {"x"}).ints("one", {1});
    made.node("Concat", "target", {"one", "hw", "one"}, {{"axis", 0}});
    made.node("Reshape", "a", {"x", "target"}).node("Relu", "b", {"a"});
    made.node("Reshape", "y", {"b", "hw"}).output("y").simplify();
    CHECK_EQ(made.ops(), "Unsqueeze Relu Squeeze");
    const Node& added = made.graph().node(made.graph().nodes()[0]);
    CHECK_EQ(added.inputs.size(), opset == 11 ? 1u : 2u);
    if (opset == 17) CHECK_EQ(made.constant("a", 1), "[0, 3]");
  }
}

TEST(expand_stretches_by_1_to_what_is_there) {
  Built made = sequence();
  made.ints("six", {6}).ints("last", {8});
  made.node("Concat", "target", {"six", "s", "last"}, {{"axis", 0}});
  made.node("Expand", "y", {"x", "target"}).output("y").simplify();
  CHECK_EQ(made.ops(), "Expand");
  CHECK_EQ(made.constant("y", 1), "[6, 1, 8]");
}

TEST(the_end_of_an_axis_is_the_largest_number) {
  Built made = sequence();
  made.ints("from", {2}).ints("axis", {1}).node("Slice", "y", {"x", "from", "s", "axis"});
  made.output("y").simplify();
  CHECK_EQ(made.ops(), "Slice");
  CHECK_EQ(made.constant("y", 2), "[9223372036854775807]");
}

TEST(a_bound_that_may_be_negative_stays) {
  Built made = sequence();
  made.ints("from", {0}).ints("axis", {1}).node("Sub", "but_one", {"s", "one"});
  made.node("Slice", "y", {"x", "from", "but_one", "axis"}).output("y").simplify();
  CHECK_EQ(made.constant("y", 2), "none");  // of nothing, -1 is all but the last
}

TEST(a_step_backwards_stays) {
  Built made = sequence();
  made.ints("to", {0}).ints("axis", {1}).ints("back", {-1});
  made.node("Slice", "y", {"x", "s", "to", "axis", "back"}).output("y").simplify();
  CHECK_EQ(made.constant("y", 1), "none");
}

TEST(whole_factors_are_scales) {
  Built made(13);
  made.input("x", {1, 3, named("h"), named("w")})
      .ints("two", {2})
      .ints("from", {2})
      .ints("to", {4});
  made.node("Shape", "shape", {"x"}).node("Slice", "size", {"shape", "from", "to"});
  made.node("Mul", "twice", {"size", "two"}).ints("head", {1, 3});
  made.node("Concat", "sizes", {"head", "twice"}, {{"axis", 0}});
  made.node("Resize", "y", {"x", "", "", "sizes"}).output("y").simplify();
  CHECK_EQ(made.ops(), "Resize");
  const Node& resize = made.graph().node(made.graph().nodes()[0]);
  CHECK_EQ(resize.inputs.size(), 3u);
  const TensorRef tensor = made.graph().constant(resize.inputs[2]);
  const auto scales = tensor->data();
  const std::vector<float> want{1, 1, 2, 2};
  CHECK(std::ranges::equal(scales.value().view, std::as_bytes(std::span(want))));
}

TEST(other_factors_stay_sizes) {
  Built made(13);
  made.input("x", {1, 3, named("h"), named("w")})
      .ints("two", {2})
      .ints("from", {2})
      .ints("to", {4});
  made.node("Shape", "shape", {"x"}).node("Slice", "size", {"shape", "from", "to"});
  made.node("Div", "half", {"size", "two"}).ints("head", {1, 3});
  made.node("Concat", "sizes", {"head", "half"}, {{"axis", 0}});
  made.node("Resize", "y", {"x", "", "", "sizes"}).output("y").simplify();
  CHECK_EQ(made.graph().node(made.graph().nodes().back()).inputs.size(), 4u);
}

TEST(equal_sizes_are_read_from_the_first) {
  Built made;
  made.input("x", {1, named("s")}).input("z", {2, named("s")}).scalar("at", 1).scalar("zero", 0);
  made.scalar("one", 1);
  made.node("Shape", "xs", {"x"}).node("Gather", "a", {"xs", "at"});
  made.node("Shape", "zs", {"z"}).node("Gather", "b", {"zs", "at"});
  made.node("Range", "p", {"zero", "a", "one"}).node("Range", "q", {"zero", "b", "one"});
  made.output("p").output("q").simplify();
  CHECK_EQ(made.ops(), "Shape Gather Range Range");
}

TEST(arithmetic_that_equals_a_size_reads_it) {
  Built made(15);
  made.input("x", {1, named("s"), 8}).input("past", {1, named("p"), 8});
  made.node("Concat", "all", {"past", "x"}, {{"axis", 1}});
  made.scalar("at", 1).scalar("zero", 0).scalar("one", 1);
  made.node("Shape", "xs", {"x"}).node("Gather", "s", {"xs", "at"});
  made.node("Shape", "ps", {"past"}).node("Gather", "p", {"ps", "at"});
  made.node("Add", "total", {"s", "p"}).node("Range", "y", {"zero", "total", "one"});
  made.output("all").output("y").simplify();
  CHECK_EQ(made.ops(), "Concat Shape Gather Range");
  const Graph& graph = made.graph();
  for (const NodeId id : graph.nodes()) {
    if (graph.node(id).is("Shape")) CHECK_EQ(graph.value_name(graph.node(id).inputs[0]), "all");
  }
}

TEST(before_opset_15_sizes_are_gathered) {
  Built made(13);
  made.input("x", {1, named("h"), named("w"), 8}).input("y", {1, named("h*w"), 8});
  made.node("Shape", "shape", {"x"}).scalar("first", 1).scalar("second", 2).ints("front", {0});
  made.node("Gather", "h", {"shape", "first"}).node("Gather", "w", {"shape", "second"});
  made.node("Unsqueeze", "h1", {"h", "front"}).node("Unsqueeze", "w1", {"w", "front"});
  made.ints("head", {1, 2}).ints("tail", {4});
  made.node("Concat", "target", {"head", "h1", "w1", "tail"}, {{"axis", 0}});
  made.node("Reshape", "z", {"y", "target"}).output("z").simplify();
  CHECK_EQ(made.ops(), "Shape Gather Concat Reshape");
}

TEST(what_the_data_decides_is_left) {
  Built made;
  made.input("x", {named("n")}).node("NonZero", "found", {"x"}).scalar("at", 1);
  made.node("Shape", "shape", {"found"}).node("Gather", "count", {"shape", "at"});
  made.scalar("zero", 0).scalar("one", 1).node("Range", "y", {"zero", "count", "one"});
  made.output("y").simplify();
  CHECK_EQ(made.ops(), "NonZero Shape Gather Range");
}

TEST(an_output_keeps_its_name) {
  Built made = sequence();
  made.node("Identity", "y", {"s"}).node("Gather", "again", {"shape", "one"});
  made.output("y").output("again").simplify();
  CHECK_EQ(made.graph().value_name(made.graph().outputs()[1].value), "again");
  CHECK(made.graph().value(made.graph().outputs()[1].value).producer);
}

}  // namespace
