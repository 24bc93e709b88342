// Recurrent layers: every step adds to the rounding of those before it.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/fixed_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr std::size_t kX = 0;
constexpr std::size_t kW = 1;  // (directions, gates * hidden, input size)
constexpr std::size_t kR = 2;  // (directions, gates * hidden, hidden)
constexpr std::size_t kLengths = 4;

Result<Expr> hidden_size(const NodeFacts& at, std::int64_t gates) {
  const std::int64_t said = at.attr_int("hidden_size", 0);
  if (said < 0) return contradiction("hidden_size is " + std::to_string(said));
  if (said > 0) {
    const Expr hidden(said);
    const std::string owner = "hidden_size is " + std::to_string(said);
    const auto rows = require_size(at, kW, 1, hidden * Expr(gates),
                                   owner + ", and there are " + std::to_string(gates) + " gates");
    if (!rows) return rows.error();
    const auto columns = require_size(at, kR, 2, hidden, owner);
    if (!columns) return columns.error();
    return hidden;
  }
  if (at.in(kR).has_rank()) return size_of(at, kR, 2);
  if (at.in(kW).has_rank()) return floor_div(size_of(at, kW, 1), Expr(gates));
  return at.unknown_size("hidden_size is not known");
}

Status check_inputs(const NodeFacts& at) {
  for (const std::size_t slot : {kX, kW, kR}) {
    const auto checked = require_rank(at, slot, 3);
    if (!checked) return checked;
  }
  if (!at.in(kX).has_rank()) return ok_status();
  const Expr features = size_of(at, kX, 2);
  return require_size(at, kW, 2, features,
                      quoted(at, kX) + " has " + features.text() + " features");
}

Inferred recurrent(const NodeFacts& at, std::int64_t gates) {
  const auto checked = check_inputs(at);
  if (!checked) return checked.error();
  const auto hidden = hidden_size(at, gates);
  if (!hidden) return hidden.error();
  const bool both = at.attr_string("direction", "forward") == "bidirectional";
  const Expr directions(both ? 2 : 1);
  const auto fits =
      require_size(at, kW, 0, directions, "the layer has " + directions.text() + " directions");
  if (!fits) return fits.error();

  const bool batch_first = at.opset() >= 14 && at.attr_int("layout", 0) != 0;
  const Expr steps = size_of(at, kX, batch_first ? 1 : 0);
  const Expr batch = size_of(at, kX, batch_first ? 0 : 1);
  const auto lengths =
      require_size(at, kLengths, 0, batch, quoted(at, kX) + " has a batch of " + batch.text());
  if (!lengths) return lengths.error();

  const DType dtype = at.in(kX).dtype;
  const Expr& size = hidden.value();
  const Dims all =
      batch_first ? Dims{batch, steps, directions, size} : Dims{steps, directions, batch, size};
  const Dims last = batch_first ? Dims{batch, directions, size} : Dims{directions, batch, size};
  // Y, Y_h and, of an LSTM, Y_c.
  return std::vector{tensor_fact(dtype, all), tensor_fact(dtype, last), tensor_fact(dtype, last)};
}

Inferred rnn(const NodeFacts& at) { return recurrent(at, 1); }
Inferred gru(const NodeFacts& at) { return recurrent(at, 3); }
Inferred lstm(const NodeFacts& at) { return recurrent(at, 4); }

}  // namespace

void register_recurrent(OpTable& table) {
  const OpTraits steps{.accumulation = Accumulation::recurrent};
  table.add("GRU", {.traits = steps, .shape = gru, .layout = fixed_layout<kStepsAlongAxis0>});
  table.add("LSTM", {.traits = steps, .shape = lstm, .layout = fixed_layout<kStepsAlongAxis0>});
  table.add("RNN", {.traits = steps, .shape = rnn, .layout = fixed_layout<kStepsAlongAxis0>});
}

}  // namespace pot
