// Whole generation loops in one operator: their decoders are bodies.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// The size that an input of one element holds; a fresh one when it is computed.
Expr size_in(const NodeFacts& at, std::size_t slot) {
  const Elements elements = elements_of(at.in(slot));
  const bool one = elements && elements->size() == 1;
  if (one && elements->front().at_least().value_or(0) >= 0) return elements->front();
  return at.unknown_size(quoted(at, slot) + " is computed");
}

Expr batch_of(const NodeFacts& at) {
  const Fact& prompt = at.in(0);
  if (prompt.has_rank() && prompt.rank() > 0) return (*prompt.dims)[0];
  return at.unknown_size("the shape of the prompt is not known");
}

Expr vocabulary(const NodeFacts& at) {
  const std::int64_t said = at.attr_int("vocab_size", 0);
  return said > 0 ? Expr(said) : at.unknown_size("the decoder decides the vocabulary");
}

/// Prompt and answer of each of the batch, filled up to max_length.
Inferred greedy(const NodeFacts& at) {
  const Expr batch = batch_of(at);
  return std::vector{tensor_fact(DType::int32, Dims{batch, size_in(at, 1)}),
                     tensor_fact(at.in(3).dtype, Dims{batch, vocabulary(at)})};
}

Inferred beam_search(const NodeFacts& at) {
  const Expr batch = batch_of(at);
  const Expr length = size_in(at, 1);
  const Expr beams = size_in(at, 3);
  const Expr returned = size_in(at, 4);
  const DType scores = at.in(5).dtype == DType::undefined ? DType::float32 : at.in(5).dtype;
  return std::vector{
      tensor_fact(DType::int32, Dims{batch, returned, length}),
      tensor_fact(scores, Dims{batch, returned}),
      tensor_fact(scores, Dims{at.unknown_size("the search decides how many steps there are"),
                               batch, beams, vocabulary(at)})};
}

/// Prefixes of drafted tokens that were accepted, behind those that there were.
Inferred bifurcation(const NodeFacts& at) {
  return std::vector{
      tensor_fact(at.in(1).dtype, Dims{at.unknown_size("the data decides what is accepted")}),
      shaped_like(at.in(2))};
}

}  // namespace

void register_contrib_generation(OpTable& table) {
  table.add("GreedySearch", {.shape = greedy}, ort_domain);
  table.add("Sampling", {.traits = {.random = true}, .shape = greedy}, ort_domain);
  table.add({"BeamSearch", "WhisperBeamSearch"}, {.shape = beam_search}, ort_domain);
  table.add("BifurcationDetector", {.shape = bifurcation}, ort_domain);
}

}  // namespace pot
