// What stays dynamic, and sizes that a model is said to take and does not: the texts.

#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "passes/baked_sizes.h"
#include "passes/leftovers.h"

namespace {

using namespace pot;

struct Built {
  ModelPtr model = std::make_shared<Model>();

  Built() {
    model->set_ir_version(8);
    model->set_opset("", 17);
  }
  Graph& graph() { return model->graph(); }

  Built& input(const char* name, std::optional<std::vector<Dim>> dims) {
    graph().add_input(graph().intern(name), tensor_type(DType::float32, std::move(dims)));
    return *this;
  }
  Built& ints(const char* name, std::vector<std::int64_t> numbers) {
    graph().set_initializer(make_int64s(name, numbers));
    return *this;
  }
  Built& weight(const char* name, std::vector<std::int64_t> dims) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    const std::vector<float> ones(count, 1);
    graph().set_initializer(
        make_tensor_copy(name, DType::float32, std::move(dims), std::as_bytes(std::span(ones))));
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
  Built& output(const char* name, std::vector<Dim> dims) {
    graph().add_output(graph().intern(name), tensor_type(DType::float32, std::move(dims)));
    return *this;
  }
  Built& output(const char* name) {
    graph().add_output(graph().intern(name), nullptr);
    return *this;
  }

  std::string left() const {
    const auto facts = infer_shapes(*model);
    std::string out;
    for (const Leftover& each : find_leftovers(*model, facts.value())) {
      out += (out.empty() ? "" : "; ") + each.value + " " + each.shape + " at " + each.node + ": " +
             each.reason;
    }
    return out;
  }
  std::string checked(const GivenShapes& shapes, const GivenDims& dims = {}) const {
    const auto bound = bind_dims(*model, shapes, dims);
    if (!bound) return bound.error().text();
    const Status status = check_sizes(*model, bound.value());
    return status.ok() ? "fits" : status.error().text();
  }
};

Dim named(const char* name) { return Dim(std::string(name)); }

TEST(what_stays_dynamic_is_said_once_where_it_starts) {
  Built made;
  made.input("x", std::vector<Dim>{1, named("h")}).node("Relu", "r", {"x"});
  made.node("NonZero", "found", {"r"}).node("Transpose", "turned", {"found"});
  made.output("r").output("turned");
  CHECK_EQ(made.left(),
           "x [1, h] at input 'x': named size 'h' is not bound; found [2, ?] at node 'n_found' "
           "(NonZero): node 'n_found' (NonZero): the data decides how many are not zero");
}

TEST(nothing_is_left_of_a_model_of_fixed_sizes) {
  Built made;
  made.input("x", std::vector<Dim>{1, 3}).node("Relu", "y", {"x"}).output("y");
  CHECK_EQ(made.left(), "");
}

TEST(an_unknown_rank_is_said_where_it_starts) {
  Built made;
  made.input("x", std::nullopt).node("Relu", "a", {"x"}).node("Relu", "y", {"a"}).output("y");
  CHECK_EQ(made.left(), "x [...] at input 'x': input 'x' does not say its rank");
}

Built classifier(Dim height, Dim width) {
  Built made;
  made.input("x", std::vector<Dim>{named("batch"), 3, std::move(height), std::move(width)});
  made.weight("w", {192, 10}).node("Flatten", "flat", {"x"}).node("MatMul", "y", {"flat", "w"});
  made.output("y", {named("batch"), 10});
  return made;
}

TEST(a_baked_size_is_named_with_the_node_that_needs_it) {
  const Built made = classifier(named("h"), 8);
  CHECK_EQ(made.checked({{"x", {2, 3, 8, 8}}}), "fits");
  CHECK_EQ(made.checked({{"x", {2, 3, 16, 8}}}),
           "size 'h' (x[2]) is declared dynamic, but node 'n_y' (MatMul) needs 8, not 16 (node "
           "'n_y' (MatMul): 'flat' is 384 wide, but 'w' takes 192)");
}

TEST(a_size_without_a_name_is_named_by_place) {
  CHECK_EQ(classifier(Dim(), 8).checked({{"x", {2, 3, 16, 8}}}),
           "size 'x[2]' is declared dynamic, but node 'n_y' (MatMul) needs 8, not 16 (node 'n_y' "
           "(MatMul): 'flat' is 384 wide, but 'w' takes 192)");
}

TEST(two_sizes_that_only_fit_together_are_named_together) {
  CHECK_EQ(classifier(named("h"), named("w")).checked({{"x", {2, 3, 16, 16}}}),
           "size 'h' (x[2]) and 'w' (x[3]) are declared dynamic, but node 'n_y' (MatMul) needs 8, "
           "not 16 (node 'n_y' (MatMul): 'flat' is 768 wide, but 'w' takes 192)");
}

TEST(a_table_that_is_added_needs_its_length) {
  Built made;
  made.input("x", std::vector<Dim>{named("batch"), named("seq"), 4}).weight("table", {1, 16, 4});
  made.node("Add", "y", {"x", "table"}).output("y", {named("batch"), named("seq"), 4});
  CHECK_EQ(made.checked({}, {{"batch", 3}, {"seq", 16}}), "fits");
  CHECK_EQ(made.checked({}, {{"batch", 1}}), "fits");
  CHECK_EQ(made.checked({}, {{"batch", 1}, {"seq", 20}}),
           "size 'seq' (x[1]) is declared dynamic, but node 'n_y' (Add) needs 16, not 20 (node "
           "'n_y' (Add): sizes 20 and 16 do not broadcast)");
}

TEST(a_batch_that_is_baked_into_a_reshape_is_found_where_the_counts_differ) {
  Built made;
  made.input("x", std::vector<Dim>{named("batch"), 3, 8}).ints("shape", {1, 24});
  made.node("Reshape", "y", {"x", "shape"}).output("y", {named("batch"), 24});
  CHECK_EQ(made.checked({}, {{"batch", 1}}), "fits");
  CHECK_EQ(made.checked({}, {{"batch", 4}}),
           "size 'batch' (x[0]) is declared dynamic, but node 'n_y' (Reshape) needs 1, not 4 (node "
           "'n_y' (Reshape): input 0 'x' [4, 3, 8] has 96 elements, the shape [1, 24] takes 24)");
}

TEST(a_batch_that_a_reshape_folds_into_another_axis_is_found_behind_it) {
  Built made;
  made.input("x", std::vector<Dim>{named("batch"), 3, 64}).ints("shape", {1, -1});
  made.weight("w", {192, 10}).node("Reshape", "flat", {"x", "shape"});
  made.node("MatMul", "y", {"flat", "w"}).output("y", {named("batch"), 10});
  CHECK_EQ(made.checked({}, {{"batch", 4}}),
           "size 'batch' (x[0]) is declared dynamic, but node 'n_y' (MatMul) needs 1, not 4: node "
           "'n_flat' (Reshape) has a fixed 1 in its place (node 'n_y' (MatMul): 'flat' is 768 "
           "wide, but 'w' takes 192)");
}

TEST(a_batch_that_no_node_contradicts_is_found_at_the_output) {
  Built made;
  made.input("x", std::vector<Dim>{named("batch"), 3, 64}).ints("shape", {1, -1});
  made.node("Reshape", "y", {"x", "shape"}).output("y", {named("batch"), 192});
  CHECK_EQ(made.checked({}, {{"batch", 1}}), "fits");
  CHECK_EQ(made.checked({}, {{"batch", 4}}),
           "size 'batch' is declared dynamic, but node 'n_y' (Reshape) has 1 in its place: output "
           "'y' would be [1, 768], not [4, 192]");
}

TEST(sizes_that_have_to_divide_are_refused_with_the_nearest) {
  Built made;
  made.input("x", std::vector<Dim>{1, named("n")}).ints("shape", {-1, 4});
  made.node("Reshape", "y", {"x", "shape"}).output("y");
  CHECK_EQ(made.checked({}, {{"n", 12}}), "fits");
  CHECK_EQ(made.checked({}, {{"n", 13}}),
           "node 'n_y' (Reshape) does not take size 'n' (x[1]) = 13; the nearest that it takes: "
           "12, 16 (node 'n_y' (Reshape): input 0 'x' [1, 13] does not fit the shape: 13 elements "
           "do not divide into groups of 4)");
}

TEST(a_model_that_contradicts_itself_anyway_is_no_matter_of_sizes) {
  Built made;
  made.input("x", std::vector<Dim>{named("n"), 3}).weight("w", {4, 5});
  made.node("MatMul", "y", {"x", "w"}).output("y");
  CHECK_EQ(made.checked({}, {{"n", 2}}), "fits");
}

}  // namespace
