// Values that are known by their numbers, and graphs that only those pair.

#include <string>
#include <vector>

#include "check.h"
#include "passes/align.h"
#include "passes/value_print.h"

namespace {

using namespace pot;

constexpr double kTolerance = 2e-4;

ValuePrints prints_of(std::vector<float> elements, std::vector<std::int64_t> dims = {}) {
  if (dims.empty()) dims = {static_cast<std::int64_t>(elements.size())};
  const auto numbers = kernels::fingerprint(kernels::Element::float32,
                                            std::as_bytes(std::span(elements)), elements.size());
  return {{numbers, std::move(dims), kTolerance}};
}

std::vector<float> ramp(float first, float step) {
  std::vector<float> made;
  for (int i = 0; i < 12; ++i) made.push_back(first + step * static_cast<float>(i));
  return made;
}

TEST(the_nearest_is_kept_and_what_is_as_near) {
  const ValuePrints a = prints_of(ramp(1, 0.5F)), b = prints_of(ramp(1, 0.5001F));
  const ValuePrints far = prints_of(ramp(1, 0.6F));
  const ValuePrints same = prints_of(ramp(1, 0.5F)), twin = prints_of(ramp(1, 0.5F));
  const std::vector<const ValuePrints*> ours{&a, &b, &far, nullptr};
  const std::vector<const ValuePrints*> theirs{&same, nullptr, &twin};
  const NearValues near = near_values(ours, theirs);
  CHECK_EQ(near.of_theirs[0], std::vector<std::uint32_t>{0});
  CHECK(near.of_theirs[1].empty());
  CHECK_EQ(near.of_ours[0], (std::vector<std::uint32_t>{0, 2}));
  CHECK(near.of_ours[2].empty());
}

TEST(one_sample_that_differs_is_enough) {
  const ValuePrint one = prints_of(ramp(1, 0.5F))[0], other = prints_of(ramp(2, 0.5F))[0];
  CHECK_EQ(distance(ValuePrints{one, one}, ValuePrints{one, one}), 0.0);
  CHECK_EQ(distance(ValuePrints{one, one}, ValuePrints{one, other}), kNotAlike);
  CHECK_EQ(distance(ValuePrints{}, ValuePrints{one}), kNotAlike);
}

TEST(the_form_is_dims_and_order) {
  const ValuePrints flat = prints_of({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(same_form(flat, flat));
  CHECK(!same_form(flat, prints_of({1, 4, 2, 5, 3, 6}, {2, 3})));
  CHECK(!same_form(flat, prints_of({1, 2, 3, 4, 5, 6}, {3, 2})));
}

struct Chain {
  ModelPtr model = std::make_shared<Model>();

  explicit Chain(const std::vector<std::pair<const char*, const char*>>& nodes) {
    model->set_opset("", 17);
    Graph& graph = model->graph();
    graph.add_input(graph.intern("x"), tensor_type(DType::float32, std::vector<Dim>{}));
    std::string last = "x";
    for (const auto& [op, output] : nodes) {
      Node node;
      node.op_type = Text(op);
      node.inputs.push_back(graph.intern(last));
      node.outputs.push_back(graph.intern(output));
      graph.add_node(std::move(node));
      last = output;
    }
    graph.add_output(graph.intern(last), nullptr);
  }
};

const std::vector<NamePair> kInputs{{"x", "x"}}, kOutputs{{"y", "y"}};

std::string partner_of(const Alignment& made, const std::string& candidate) {
  for (const auto& pair : made.values) {
    if (pair.candidate == candidate) return pair.reference;
  }
  return "";
}

TEST(numbers_pair_what_operators_do_not) {
  const Chain ours({{"Softplus", "a"}, {"Softsign", "b"}, {"Neg", "y"}});
  const Chain theirs({{"Exp", "p"}, {"Log", "q"}, {"Sin", "r"}, {"Tan", "s"}, {"Neg", "y"}});
  Evidence evidence;
  evidence.ours = {{"a", prints_of(ramp(1, 1))}, {"b", prints_of(ramp(5, 2))}};
  evidence.theirs = {
      {"p", prints_of(ramp(9, 3))}, {"q", prints_of(ramp(1, 1))}, {"s", prints_of(ramp(5, 2))}};
  const auto made = align(*ours.model, *theirs.model, kInputs, kOutputs, evidence);
  CHECK(made.ok());
  CHECK_EQ(partner_of(made.value(), "q"), std::string("a"));
  CHECK_EQ(partner_of(made.value(), "s"), std::string("b"));
  CHECK(made.value().doubtful.empty() || made.value().doubtful[0] == "y");
}

TEST(a_pair_that_would_turn_the_order_around_is_none) {
  const Chain ours({{"Softplus", "a"}, {"Softsign", "b"}, {"Neg", "y"}});
  const Chain theirs({{"Exp", "p"}, {"Log", "q"}, {"Neg", "y"}});
  Evidence evidence;
  evidence.ours = {{"a", prints_of(ramp(1, 1))}, {"b", prints_of(ramp(5, 2))}};
  evidence.theirs = {{"p", prints_of(ramp(5, 2))}, {"q", prints_of(ramp(1, 1))}};
  const auto made = align(*ours.model, *theirs.model, kInputs, kOutputs, evidence);
  const bool p = partner_of(made.value(), "p") == "b", q = partner_of(made.value(), "q") == "a";
  CHECK(!(p && q));
}

TEST(equal_numbers_are_told_apart_by_what_reads_them) {
  const Chain ours({{"Softplus", "a"}, {"Softsign", "b"}, {"Elu", "c"}, {"Neg", "y"}});
  const Chain theirs({{"Exp", "p"}, {"Log", "q"}, {"Neg", "y"}});
  Evidence evidence;
  evidence.ours = {{"a", prints_of(ramp(1, 1))}, {"c", prints_of(ramp(1, 1))}};
  evidence.theirs = {{"q", prints_of(ramp(1, 1))}};
  const auto made = align(*ours.model, *theirs.model, kInputs, kOutputs, evidence);
  CHECK_EQ(partner_of(made.value(), "q"), std::string("c"));
  CHECK(made.value().fused.size() == 2);
}

TEST(refuted_and_given_pairs_are_respected) {
  const Chain ours({{"Relu", "a"}, {"Exp", "b"}, {"Neg", "y"}});
  const Chain theirs({{"Relu", "p"}, {"Exp", "q"}, {"Neg", "y"}});
  Evidence evidence;
  evidence.apart = {{"b", "q"}};
  const auto without = align(*ours.model, *theirs.model, kInputs, kOutputs, evidence);
  CHECK_EQ(partner_of(without.value(), "p"), std::string("a"));
  CHECK_EQ(partner_of(without.value(), "q"), std::string());
  evidence.given = {{"a", "q"}};
  const auto given = align(*ours.model, *theirs.model, kInputs, kOutputs, evidence);
  CHECK_EQ(partner_of(given.value(), "q"), std::string("a"));
}

}  // namespace
