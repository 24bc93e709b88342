// Attention: a product over the head, a softmax and a product over the keys.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/fixed_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr std::size_t kQ = 0;
constexpr std::size_t kK = 1;
constexpr std::size_t kV = 2;
constexpr std::size_t kPastKey = 4;
constexpr std::size_t kPastValue = 5;

/// An input as (batch, heads, sequence, size of a head), whether it is packed or not.
struct Heads {
  Expr batch;
  Expr heads;
  Expr sequence;
  Expr size;
};

/// Pre: rank 3 or 4 where it is known.
Result<Heads> heads_of(const NodeFacts& at, std::size_t slot, std::string_view count_name) {
  const Fact& fact = at.in(slot);
  if (fact.has_rank() && fact.rank() == 4) {
    return Heads{(*fact.dims)[0], (*fact.dims)[1], (*fact.dims)[2], (*fact.dims)[3]};
  }
  const std::int64_t count = at.attr_int(count_name, 0);
  if (!fact.has_rank() || count == 0) {
    const Dims unknown = at.unknown_dims(4, "the heads of " + quoted(at, slot) + " are not known");
    if (!fact.has_rank()) return Heads{unknown[0], unknown[1], unknown[2], unknown[3]};
    return Heads{(*fact.dims)[0], unknown[1], (*fact.dims)[1], unknown[3]};
  }
  const std::string name(count_name);
  if (count < 0) return contradiction(name + " is " + std::to_string(count));
  const Expr& packed = (*fact.dims)[2];
  const auto number = packed.number();
  if (number && *number % count != 0) {
    return contradiction(quoted(at, slot) + " is " + packed.text() +
                         " wide, which does not divide into " + std::to_string(count) + " heads (" +
                         name + ")");
  }
  return Heads{(*fact.dims)[0], Expr(count), (*fact.dims)[1], floor_div(packed, Expr(count))};
}

Status check_ranks(const NodeFacts& at) {
  for (const std::size_t slot : {kQ, kK, kV}) {
    const Fact& fact = at.in(slot);
    if (!fact.has_rank() || fact.rank() == 3 || fact.rank() == 4) continue;
    return contradiction(quoted(at, slot) + " has " + counted(fact.rank(), "axis", "axes") +
                         ", but takes 3 or 4");
  }
  for (const std::size_t slot : {kPastKey, kPastValue}) {
    const auto checked = require_rank(at, slot, 4);
    if (!checked) return checked;
  }
  return ok_status();
}

/// Query and key have heads of one size; keys and values are as many.
Status check_heads(const NodeFacts& at, const Heads& q, const Heads& k, const Heads& v) {
  if (!agreed(q.size, k.size)) {
    return contradiction("heads of " + quoted(at, kQ) + " are " + q.size.text() +
                         " wide, but those of " + quoted(at, kK) + " " + k.size.text());
  }
  if (!agreed(k.sequence, v.sequence)) {
    return contradiction(quoted(at, kK) + " has " + k.sequence.text() + " positions, but " +
                         quoted(at, kV) + " has " + v.sequence.text());
  }
  if (!agreed(q.batch, k.batch)) {
    return contradiction(quoted(at, kQ) + " has a batch of " + q.batch.text() + ", but " +
                         quoted(at, kK) + " of " + k.batch.text());
  }
  const auto groups = floor_mod(q.heads, k.heads).number();
  if (groups && *groups != 0) {
    return contradiction(quoted(at, kQ) + " has " + q.heads.text() +
                         " heads, which do not divide into the " + k.heads.text() + " of " +
                         quoted(at, kK));
  }
  return ok_status();
}

/// Positions that were there before this call.
Expr past_length(const NodeFacts& at) {
  if (at.in(kPastKey).has_rank() || !at.in(kPastValue).has_rank()) {
    return at.has(kPastKey) ? size_of(at, kPastKey, 2) : Expr(0);
  }
  return size_of(at, kPastValue, 2);
}

/// Outputs: Y, present_key, present_value, qk_matmul_output.
Inferred attention(const NodeFacts& at) {
  const auto ranks = check_ranks(at);
  if (!ranks) return ranks.error();
  const auto q = heads_of(at, kQ, "q_num_heads");
  if (!q) return q.error();
  const auto k = heads_of(at, kK, "kv_num_heads");
  if (!k) return k.error();
  const auto v = heads_of(at, kV, "kv_num_heads");
  if (!v) return v.error();
  const auto fits = check_heads(at, q.value(), k.value(), v.value());
  if (!fits) return fits.error();

  const auto& [batch, heads, sequence, size] = q.value();
  const DType dtype = at.in(kQ).dtype;
  const Expr total = past_length(at) + *agreed(k.value().sequence, v.value().sequence);
  std::vector<Fact> out{tensor_fact(dtype)};
  if (at.in(kQ).has_rank()) {
    out[0].dims = at.in(kQ).rank() == 3 ? Dims{batch, sequence, heads * v.value().size}
                                        : Dims{batch, heads, sequence, v.value().size};
  }
  out.push_back(
      tensor_fact(at.in(kK).dtype, Dims{k.value().batch, k.value().heads, total, k.value().size}));
  out.push_back(
      tensor_fact(at.in(kV).dtype, Dims{v.value().batch, v.value().heads, total, v.value().size}));
  out.push_back(tensor_fact(dtype, Dims{batch, heads, sequence, total}));
  return out;
}

/// Its bodies change scores and probabilities, but not their shape.
Inferred flex_attention(const NodeFacts& at) {
  for (const std::size_t slot : {kQ, kK, kV}) {
    const auto checked = require_rank(at, slot, 4);
    if (!checked) return checked.error();
  }
  auto out = attention(at);
  if (!out) return out;
  return std::vector{std::move(out).value()[0]};
}

/// Packed: query is (batch, sequence, heads * key size), value (batch, sequence, heads * size).
/// The state is (batch, heads, key size, value size).
Inferred linear_attention(const NodeFacts& at) {
  constexpr std::size_t kPastState = 3;
  for (const std::size_t slot : {kQ, kK, kV}) {
    const auto checked = require_rank(at, slot, 3);
    if (!checked) return checked.error();
  }
  const auto state = require_rank(at, kPastState, 4);
  if (!state) return state.error();
  const auto q = heads_of(at, kQ, "q_num_heads");
  if (!q) return q.error();
  const auto k = heads_of(at, kK, "kv_num_heads");
  if (!k) return k.error();
  const auto v = heads_of(at, kV, "kv_num_heads");
  if (!v) return v.error();
  const auto fits = check_heads(at, q.value(), k.value(), v.value());
  if (!fits) return fits.error();
  const Dims present{q.value().batch, v.value().heads, k.value().size, v.value().size};
  for (std::size_t axis = 0; axis < present.size(); ++axis) {
    const auto same = require_size(at, kPastState, axis, present[axis],
                                   "the state after it is " + present[axis].text());
    if (!same) return same.error();
  }
  const DType dtype = at.in(kQ).dtype;
  const DType kept = at.has(kPastState) ? at.in(kPastState).dtype : dtype;
  const Heads& query = q.value();
  return std::vector{
      tensor_fact(dtype, Dims{query.batch, query.sequence, query.heads * v.value().size}),
      tensor_fact(kept, present)};
}

}  // namespace

void register_attention(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::attention};
  table.add("Attention",
            {.traits = sums, .shape = attention, .layout = fixed_layout<kHeadsInPlace>});
  table.add("LinearAttention",
            {.traits = sums, .shape = linear_attention, .layout = fixed_layout<kHeadsInPlace>});
  table.add("FlexAttention",
            {.traits = sums, .shape = flex_attention, .layout = fixed_layout<kHeadsInPlace>},
            "ai.onnx.preview");
}

}  // namespace pot
