#include <array>
#include <cstring>

#include "check.h"
#include "ops/shared/fact.h"
#include "ops/shared/shape_rule.h"

using namespace pot;

namespace {

TensorRef floats(std::vector<std::int64_t> dims, const std::vector<float>& values) {
  return make_tensor_copy("w", DType::float32, std::move(dims), std::as_bytes(std::span(values)));
}

}  // namespace

TEST(a_small_constant_has_elements) {
  const std::array<std::int64_t, 3> numbers{2, -1, 7};
  const Fact fact = constant_fact(make_int64s("shape", numbers));
  CHECK_EQ(fact.rank(), 1u);
  CHECK(numbers_of(fact) == (std::vector<std::int64_t>{2, -1, 7}));
}

TEST(floats_are_exact_or_not_known) {
  const Elements halves = elements_of(constant_fact(floats({3}, {0.5F, -2.0F, 3.25F})));
  CHECK(halves != nullptr);
  CHECK((*halves)[0] == Expr::ratio(1, 2));
  CHECK((*halves)[1].is(-2));
  CHECK((*halves)[2] == Expr::ratio(13, 4));
  CHECK(elements_of(constant_fact(floats({1}, {std::numeric_limits<float>::infinity()}))) ==
        nullptr);
  CHECK(elements_of(constant_fact(floats({1}, {1e-30F}))) == nullptr);
  CHECK(elements_of(constant_fact(floats({1}, {1e30F}))) == nullptr);
}

TEST(weights_have_no_elements) {
  const std::vector<float> many(kMostFloats + 1, 1.0F);
  const auto count = static_cast<std::int64_t>(many.size());
  CHECK(elements_of(constant_fact(floats({count}, many))) == nullptr);
}

TEST(a_uint64_that_int64_cannot_hold_is_not_known) {
  const std::uint64_t large = ~std::uint64_t{0};
  const TensorRef tensor =
      make_tensor_copy("u", DType::uint64, {1}, std::as_bytes(std::span(&large, 1)));
  CHECK(elements_of(constant_fact(tensor)) == nullptr);
}

TEST(a_declared_type_comes_back) {
  const TypeRef type = tensor_type(
      DType::float16, std::vector<Dim>{Dim(3), Dim("batch"), Dim("h//2"), Dim(), Dim(-5)});
  const Fact fact = fact_of(type, "not declared");
  CHECK_EQ(fact.rank(), 5u);
  CHECK((*fact.dims)[2] == floor_div(Expr::symbol("h"), 2));
  CHECK((*fact.dims)[3].reasons() == (std::vector<std::string>{"not declared"}));
  CHECK_EQ(type_text(type_of(fact).get()), "float16[3, batch, h//2, ?, ?]");
  CHECK(type_of(Fact{}) == nullptr);
}

TEST(what_two_branches_have_in_common) {
  const Fact ours = tensor_fact(DType::float32, {Expr(1), Expr::symbol("n")});
  const Fact theirs = tensor_fact(DType::float32, {Expr(2), Expr::symbol("n")});
  const Fact both = join(ours, theirs, "branches differ");
  CHECK((*both.dims)[0].reasons() == (std::vector<std::string>{"branches differ"}));
  CHECK((*both.dims)[1] == Expr::symbol("n"));
  CHECK(!join(ours, tensor_fact(DType::float32, {Expr(1)}), "").dims);
  CHECK(join(ours, tensor_fact(DType::int64, {Expr(1), Expr(1)}), "").dtype == DType::undefined);
  CHECK(join(ours, sequence_fact(ours), "").kind == Fact::Kind::unknown);
}

TEST(elements_of_two_branches_are_kept_where_equal) {
  const Fact one = tensor_fact(DType::int64, {1}, {Expr::symbol("n")});
  const Fact other = tensor_fact(DType::int64, {1}, {Expr(4)});
  CHECK(elements_of(join(one, one, "")) != nullptr);
  CHECK(elements_of(join(one, other, "")) == nullptr);
  const std::array<std::int64_t, 1> four{4};
  CHECK(same_fact(other, constant_fact(make_int64s("four", four))));
  CHECK(!same_fact(one, other));
}

TEST(a_sequence_knows_what_is_true_of_all_items) {
  const Fact sequence =
      sequence_fact(std::vector<Fact>{tensor_fact(DType::float32, {Expr(1), Expr(3)}),
                                      tensor_fact(DType::float32, {Expr(2), Expr(3)})});
  CHECK_EQ(sequence.items->size(), 2u);
  CHECK((*sequence.inner->dims)[1].is(3));
  CHECK(!(*sequence.inner->dims)[0].is_number());
  CHECK_EQ(type_text(type_of(sequence).get()), "sequence(float32[?, 3])");
}

TEST(declared_types_only_fill_gaps) {
  const Fact known = tensor_fact(DType::float32, {Expr(1)});
  const Fact declared = tensor_fact(DType::int64, {Expr(2)});
  CHECK(same_fact(complete(known, declared), known));
  CHECK(same_fact(complete(tensor_fact(DType::undefined), declared), declared));
  CHECK(same_fact(complete(Fact{}, declared), declared));
}

TEST(shapes_broadcast_as_numpy_has_it) {
  const Expr h = Expr::symbol("h");
  const std::array<Dims, 3> shapes{Dims{Expr(8), Expr(1), h}, Dims{Expr(5), Expr(1)}, Dims{}};
  const auto dims = broadcast_dims(shapes);
  CHECK(dims.ok());
  CHECK(dims.value() == (Dims{Expr(8), Expr(5), h}));
  const std::array<Dims, 2> apart{Dims{Expr(2)}, Dims{Expr(3)}};
  const auto refused = broadcast_dims(apart);
  CHECK(!refused.ok());
  CHECK_EQ(refused.error().message, "sizes 2 and 3 do not broadcast");
}

TEST(an_axis_counts_from_the_end) {
  CHECK_EQ(normalized_axis(-1, 4).value(), 3u);
  CHECK_EQ(normalized_axis(0, 4).value(), 0u);
  CHECK(!normalized_axis(4, 4));
  CHECK(!normalized_axis(-5, 4));
  CHECK(!normalized_axis(0, 0));
}
