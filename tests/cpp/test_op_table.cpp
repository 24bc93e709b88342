// The table of operator families: what is found in it, and that nothing is in it twice.

#include <set>

#include "check.h"
#include "ops/shared/op_table.h"

#if !defined(NDEBUG) && !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#define POT_CAN_ABORT
#endif

namespace pot {
namespace {

OpTraits traits_of(std::string_view op_type, std::string_view domain = "") {
  const OpEntry* entry = op_table().find(domain, op_type);
  return entry == nullptr ? OpTraits{} : entry->traits;
}

TEST(every_family_of_the_folder_is_in_the_table) {
  CHECK(traits_of("Identity").alias);
  CHECK(traits_of("RandomNormalLike").random);
  CHECK(traits_of("Add").commutative);
  CHECK(traits_of("SequenceConstruct").non_tensor);
  CHECK(traits_of("ZipMap", "ai.onnx.ml").non_tensor);
  CHECK_EQ(to_text(traits_of("MatMul").accumulation), "matmul");
  CHECK_EQ(to_text(traits_of("ConvTranspose").accumulation), "conv_transpose");
  CHECK_EQ(to_text(traits_of("ReduceMean").accumulation), "reduce");
  CHECK_EQ(to_text(traits_of("AveragePool").accumulation), "pool");
  CHECK_EQ(to_text(traits_of("LayerNormalization").accumulation), "norm");
  CHECK_EQ(to_text(traits_of("Softmax").accumulation), "softmax");
  CHECK_EQ(to_text(traits_of("LSTM").accumulation), "recurrent");
  CHECK_EQ(to_text(traits_of("CumSum").accumulation), "scan");
  CHECK_EQ(to_text(traits_of("Einsum").accumulation), "einsum");
  CHECK_EQ(to_text(traits_of("Attention").accumulation), "attention");
  CHECK_EQ(to_text(traits_of("Resize").accumulation), "interpolate");
  CHECK_EQ(to_text(traits_of("DFT").accumulation), "fourier");
  CHECK_EQ(to_text(traits_of("ScatterND").accumulation), "scatter");
}

TEST(operators_whose_inputs_have_an_order_are_not_commutative) {
  for (const auto* op_type : {"Sub", "Div", "Pow", "MatMul", "Less", "Where", "Concat"}) {
    CHECK(!traits_of(op_type).commutative);
  }
}

TEST(an_operator_belongs_to_its_domain) {
  CHECK(op_table().find("com.microsoft", "FusedMatMul") != nullptr);
  CHECK(op_table().find("", "FusedMatMul") == nullptr);
  CHECK(op_table().find("com.example", "Add") == nullptr);
  CHECK(op_table().find("", "NoSuchOperator") == nullptr);
}

TEST(the_default_domain_has_two_names) {
  CHECK(op_table().find("ai.onnx", "Add") != nullptr);
  CHECK_EQ(op_table().find("ai.onnx", "Add"), op_table().find("", "Add"));
}

TEST(an_added_entry_is_found_with_what_was_said) {
  OpTable table;
  table.add({"A", "B"}, {.traits = {.alias = true}}, "com.example");
  CHECK_EQ(table.entries().size(), 2u);
  CHECK(table.find("com.example", "B")->traits.alias);
  CHECK(!table.find("com.example", "B")->traits.random);
}

TEST(each_accumulation_has_its_own_text) {
  std::set<std::string_view> texts;
  const auto last = static_cast<int>(Accumulation::scatter);
  for (int i = 0; i <= last; ++i) texts.insert(to_text(static_cast<Accumulation>(i)));
  CHECK_EQ(texts.size(), static_cast<std::size_t>(last) + 1);
}

#ifdef POT_CAN_ABORT
// A bug aborts, so it happens in a process of its own.
TEST(the_same_operator_twice_is_a_bug) {
  const pid_t child = fork();
  if (child == 0) {
    close(STDERR_FILENO);
    OpTable table;
    table.add("Add", {});
    table.add("Add", {}, "ai.onnx");
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
}
#endif

}  // namespace
}  // namespace pot
