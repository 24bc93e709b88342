// Losses over classes: scores are (batch, classes, ...), labels the same without the classes.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr std::size_t kScores = 0;
constexpr std::size_t kLabels = 1;
constexpr std::size_t kWeights = 2;

/// The sizes of the labels; nothing where neither scores nor labels have a known rank.
Result<std::optional<Dims>> label_dims(const NodeFacts& at) {
  const Fact& scores = at.in(kScores);
  const Fact& labels = at.in(kLabels);
  if (scores.has_rank() && scores.rank() < 2) return require_rank(at, kScores, 2).error();
  if (!scores.has_rank()) return labels.dims;
  Dims out(scores.dims->begin(), scores.dims->end());
  out.erase(out.begin() + 1);
  if (!labels.has_rank()) return std::optional(std::move(out));
  if (labels.rank() != out.size()) {
    return contradiction(quoted(at, kLabels) + " has " + counted(labels.rank(), "axis", "axes") +
                         ", but " + quoted(at, kScores) + " has " + std::to_string(scores.rank()) +
                         ", one of them for the classes");
  }
  for (std::size_t axis = 0; axis < out.size(); ++axis) {
    const auto fits = require_size(at, kLabels, axis, out[axis],
                                   quoted(at, kScores) + " is " + out[axis].text() + " there");
    if (!fits) return fits.error();
    out[axis] = *agreed(out[axis], (*labels.dims)[axis]);
  }
  return std::optional(std::move(out));
}

Inferred loss(const NodeFacts& at) {
  auto labels = label_dims(at);
  if (!labels) return labels.error();
  const Fact& scores = at.in(kScores);
  if (scores.has_rank()) {
    const Expr& classes = (*scores.dims)[1];
    const auto fits = require_size(at, kWeights, 0, classes,
                                   quoted(at, kScores) + " has " + classes.text() + " classes");
    if (!fits) return fits.error();
  }
  const bool each = at.attr_string("reduction", "mean") == "none";
  return std::vector{each ? tensor_of(scores.dtype, std::move(labels).value())
                          : tensor_fact(scores.dtype, Dims{})};
}

/// Its second output is the logarithm of the softmax.
Inferred softmax_loss(const NodeFacts& at) {
  auto out = loss(at);
  if (!out) return out;
  return std::vector{std::move(out).value()[0], shaped_like(at.in(kScores))};
}

}  // namespace

void register_loss(OpTable& table) {
  table.add("NegativeLogLikelihoodLoss",
            {.traits = {.accumulation = Accumulation::reduce}, .shape = loss});
  table.add("SoftmaxCrossEntropyLoss",
            {.traits = {.accumulation = Accumulation::softmax}, .shape = softmax_loss});
}

}  // namespace pot
