// Classical models of ai.onnx.ml: a row of features in, a label, scores or targets out.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr std::string_view kDomain = "ai.onnx.ml";

/// Rows of features; one row may come without its axis.
Expr rows(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank() || x.rank() == 0) return at.unknown_size("the shape of its input is not known");
  return x.rank() == 1 ? Expr(1) : (*x.dims)[0];
}

std::size_t count_strings(const NodeFacts& at, std::string_view name) {
  const Attribute* found = at.node().attribute(name);
  const auto* list = found ? found->get<std::vector<std::string>>() : nullptr;
  return list ? list->size() : 0;
}

std::size_t count_floats(const NodeFacts& at, std::string_view name) {
  const Attribute* found = at.node().attribute(name);
  const auto* list = found ? found->get<std::vector<float>>() : nullptr;
  return list ? list->size() : 0;
}

std::size_t count_ints(const NodeFacts& at, std::string_view name) {
  const auto list = at.attr_ints(name);
  return list ? list->size() : 0;
}

/// A label and scores for each row; labels are words where the model has words.
Inferred classified(const NodeFacts& at, std::string_view numbers, std::optional<Expr> scores) {
  const std::size_t words = count_strings(at, "classlabels_strings");
  const std::size_t classes = words > 0 ? words : count_ints(at, numbers);
  if (!scores && classes > 0) scores = Expr(static_cast<std::int64_t>(classes));
  const Expr count = rows(at);
  return std::vector{
      tensor_fact(words > 0 ? DType::string : DType::int64, Dims{count}),
      tensor_fact(DType::float32,
                  Dims{count, scores ? *scores : at.unknown_size("its classes are not listed")})};
}

Inferred tree_classifier(const NodeFacts& at) {
  return classified(at, "classlabels_int64s", std::nullopt);
}

/// A score for each intercept; with one alone, the other of two classes has what is left.
Inferred linear_classifier(const NodeFacts& at) {
  const std::size_t scores = count_floats(at, "intercepts");
  const bool all = scores < 2;
  return classified(at, "classlabels_ints",
                    all ? std::nullopt : std::optional(Expr(static_cast<std::int64_t>(scores))));
}

/// Without probabilities there is a score for each pair of classes, or each class.
Inferred vector_classifier(const NodeFacts& at) {
  if (count_floats(at, "prob_a") > 0) return classified(at, "classlabels_ints", std::nullopt);
  return classified(at, "classlabels_ints", at.unknown_size("scores without probabilities"));
}

Inferred regressed(const NodeFacts& at, DType dtype, std::int64_t targets) {
  const Expr width = targets > 0 ? Expr(targets) : at.unknown_size("its targets are not numbered");
  return std::vector{tensor_fact(dtype, Dims{rows(at), width})};
}

Inferred linear_regressor(const NodeFacts& at) {
  return regressed(at, DType::float32, at.attr_int("targets", 1));
}

Inferred tree_regressor(const NodeFacts& at) {
  return regressed(at, DType::float32, at.attr_int("n_targets", 0));
}

Inferred tree_ensemble(const NodeFacts& at) {
  return regressed(at, at.in(0).dtype, at.attr_int("n_targets", 0));
}

Inferred vector_regressor(const NodeFacts& at) { return regressed(at, DType::float32, 1); }

}  // namespace

void register_ml_models(OpTable& table) {
  table.add("TreeEnsembleClassifier", {.shape = tree_classifier}, kDomain);
  table.add("LinearClassifier", {.shape = linear_classifier}, kDomain);
  table.add("SVMClassifier", {.shape = vector_classifier}, kDomain);
  table.add("LinearRegressor", {.shape = linear_regressor}, kDomain);
  table.add("TreeEnsembleRegressor", {.shape = tree_regressor}, kDomain);
  table.add("TreeEnsemble", {.shape = tree_ensemble}, kDomain);
  table.add("SVMRegressor", {.shape = vector_regressor}, kDomain);
}

}  // namespace pot
