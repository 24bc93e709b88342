// Attention as onnxruntime fuses it: projections inside or outside, caches of keys and values.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/fixed_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr const char* kUnsized = "heads and hidden sizes are not known";

/// The size of one axis; nothing where the input is missing, of unknown rank, or has fewer axes.
std::optional<Expr> given_size(const NodeFacts& at, std::size_t slot, std::size_t axis) {
  const Fact& fact = at.in(slot);
  if (!fact.has_rank() || axis >= fact.rank()) return std::nullopt;
  return (*fact.dims)[axis];
}

Expr size_or_fresh(const NodeFacts& at, const std::optional<Expr>& size) {
  return size ? *size : at.unknown_size(kUnsized);
}

std::optional<Expr> heads(const NodeFacts& at, std::string_view name) {
  const std::int64_t number = at.attr_int(name, 0);
  return number > 0 ? std::optional(Expr(number)) : std::nullopt;
}

std::optional<Expr> over(const std::optional<Expr>& a, const std::optional<Expr>& b) {
  return a && b ? std::optional(floor_div(*a, *b)) : std::nullopt;
}

std::optional<Expr> times(const std::optional<Expr>& a, const std::optional<Expr>& b) {
  return a && b ? std::optional(*a * *b) : std::nullopt;
}

bool shares_buffer(const NodeFacts& at) { return at.attr_int("past_present_share_buffer", 0) != 0; }

/// A cache that `steps` are appended to on this axis.
Fact grown(Fact past, std::size_t axis, const Expr& steps) {
  Fact out = without_elements(past);
  if (out.has_rank() && axis < out.rank()) (*out.dims)[axis] = (*out.dims)[axis] + steps;
  return out;
}

/// (batch, sequence, width): the input with another last axis. Of 2 axes when tokens are packed.
Fact with_width(const Fact& query, DType dtype, const Expr& width) {
  if (!query.has_rank() || query.rank() == 0) return tensor_fact(dtype);
  Fact out = shaped_like(query, dtype);
  out.dims->back() = width;
  return out;
}

/// Where an attention with its projections inside has its inputs.
struct Merged {
  std::size_t weights = 1;
  std::size_t bias = 2;
  std::size_t past = 4;
  DType dtype = DType::undefined;
};

/// Hidden sizes of Q, K and V: an attribute, else a third each of what the weights make.
std::optional<Expr> hidden(const NodeFacts& at, const Merged& slots, std::size_t which) {
  const auto said = at.attr_ints("qkv_hidden_sizes");
  if (said && said->size() == 3 && (*said)[which] > 0) return Expr((*said)[which]);
  const auto made = given_size(at, slots.weights, 1);
  return over(made ? made : given_size(at, slots.bias, 0), Expr(3));
}

Inferred merged_attention(const NodeFacts& at, const Merged& slots) {
  const Fact& input = at.in(0);
  std::vector<Fact> out{with_width(input, slots.dtype, size_or_fresh(at, hidden(at, slots, 2)))};
  if (!input.has_rank() || input.rank() != 3) return out;
  const Expr steps = size_of(at, 0, 1);
  const Fact& past = at.in(slots.past);
  if (at.has(slots.past)) {
    Fact present = shares_buffer(at) ? without_elements(past) : grown(past, 3, steps);
    out.push_back(std::move(present));
    return out;
  }
  const auto count = heads(at, "num_heads");
  out.push_back(
      tensor_fact(slots.dtype, Dims{Expr(2), size_of(at, 0, 0), size_or_fresh(at, count), steps,
                                    size_or_fresh(at, over(hidden(at, slots, 1), count))}));
  return out;
}

Inferred attention(const NodeFacts& at) { return merged_attention(at, {.dtype = at.in(0).dtype}); }

Inferred quantized_attention(const NodeFacts& at) {
  return merged_attention(at, {.past = 8, .dtype = at.in(3).dtype});
}

Inferred packed_attention(const NodeFacts& at) {
  auto out = merged_attention(at, {.past = at.input_count(), .dtype = at.in(0).dtype});
  if (out) out.value().resize(1);
  return out;
}

/// Each projection has its own weight.
Inferred ordered_attention(const NodeFacts& at) {
  const auto width = given_size(at, 7, 1);
  return std::vector{with_width(at.in(0), at.in(0).dtype, size_or_fresh(at, width))};
}

/// Queries, keys and values of a MultiHeadAttention in any of the forms that it takes.
struct Projected {
  std::optional<Expr> batch, queries, keys, heads, width, value_width;
};

/// Heads are an axis of the input: (batch, sequence, heads, 3 or 2, head size).
bool packed(const Fact& fact) { return fact.has_rank() && fact.rank() == 5; }
/// (batch, heads, sequence, head size): keys or values that a cache holds.
bool cached(const Fact& fact) { return fact.has_rank() && fact.rank() == 4; }

Projected projected(const NodeFacts& at) {
  Projected out;
  out.batch = given_size(at, 0, 0);
  out.queries = given_size(at, 0, 1);
  out.heads = heads(at, "num_heads");
  const Fact& query = at.in(0);
  const Fact& key = at.in(1);
  const Fact& value = at.in(2);
  if (packed(query)) {
    out.keys = out.queries;
    out.heads = given_size(at, 0, 2);
    out.width = times(out.heads, given_size(at, 0, 4));
    out.value_width = out.width;
    return out;
  }
  out.width = given_size(at, 0, 2);
  out.keys = given_size(at, 1, cached(key) ? 2 : 1);
  if (cached(value)) {
    out.value_width = times(given_size(at, 2, 1), given_size(at, 2, 3));
  } else {
    out.value_width = packed(key) ? out.width : given_size(at, 2, 2);
  }
  if (query.has_rank() && query.rank() == 3 && !at.has(1) && !at.has(2)) {  // Q, K, V side by side
    out.keys = out.queries;
    out.width = over(out.width, Expr(3));
    out.value_width = out.width;
  }
  return out;
}

/// (batch, heads, total, head size): the cache with what this call adds, or that alone.
Fact present_cache(const NodeFacts& at, std::size_t past, bool shared, const Projected& of,
                   const std::optional<Expr>& width) {
  if (at.has(past)) {
    const Fact& before = at.in(past);
    return shared ? without_elements(before) : grown(before, 2, size_or_fresh(at, of.keys));
  }
  return tensor_fact(at.in(0).dtype,
                     Dims{size_or_fresh(at, of.batch), size_or_fresh(at, of.heads),
                          size_or_fresh(at, of.keys), size_or_fresh(at, over(width, of.heads))});
}

Inferred outside_attention(const NodeFacts& at, std::size_t past_key, bool shared) {
  const DType dtype = at.in(0).dtype;
  const Projected of = projected(at);
  if (!at.in(0).has_rank()) return std::vector{tensor_fact(dtype)};
  Fact key = present_cache(at, past_key, shared, of, of.width);
  Fact value = present_cache(at, past_key + 1, shared, of, of.value_width);
  const std::optional<Expr> total =
      key.has_rank() && key.rank() == 4 ? std::optional((*key.dims)[2]) : std::nullopt;
  Fact product = tensor_fact(dtype, Dims{size_or_fresh(at, of.batch), size_or_fresh(at, of.heads),
                                         size_or_fresh(at, of.queries), size_or_fresh(at, total)});
  Fact result = tensor_fact(dtype, Dims{size_or_fresh(at, of.batch), size_or_fresh(at, of.queries),
                                        size_or_fresh(at, of.value_width)});
  return std::vector{std::move(result), std::move(key), std::move(value), std::move(product)};
}

Inferred multi_head(const NodeFacts& at) { return outside_attention(at, 6, at.has(8)); }

Inferred masked_multi_head(const NodeFacts& at) {
  // Keys and values of an encoder come as they are, and are no cache that grows.
  const bool cross = cached(at.in(1));
  return outside_attention(at, 5, cross || shares_buffer(at));
}

/// (tokens, width), or (tokens, heads, 3, head size).
Inferred packed_multi_head(const NodeFacts& at) {
  const bool together = cached(at.in(0));
  const auto width = together ? times(given_size(at, 0, 1), given_size(at, 0, 3))
                              : given_size(at, 2, at.in(2).has_rank() ? at.in(2).rank() - 1 : 0);
  const auto tokens = given_size(at, 0, 0);
  return std::vector{
      tensor_fact(at.in(0).dtype, Dims{size_or_fresh(at, tokens), size_or_fresh(at, width)})};
}

struct Grouped {
  std::optional<Expr> heads, key_heads, head_size;
};

Grouped grouped(const NodeFacts& at) {
  Grouped out{heads(at, "num_heads"), heads(at, "kv_num_heads"), std::nullopt};
  const Fact& query = at.in(0);
  if (!query.has_rank() || query.rank() == 0 || !out.heads) return out;
  std::optional<Expr> shares = out.heads;
  if (!at.has(1)) {  // keys and values follow the queries on the last axis
    if (!out.key_heads) return out;
    shares = *out.heads + Expr(2) * *out.key_heads;
  }
  out.head_size = over(query.dims->back(), shares);
  return out;
}

Fact grouped_output(const NodeFacts& at, const Grouped& of) {
  if (at.has(1)) return shaped_like(at.in(0));
  return with_width(at.in(0), at.in(0).dtype, size_or_fresh(at, times(of.heads, of.head_size)));
}

/// Cached positions after the call: the buffer where it is long enough, else all that there are.
std::optional<Expr> total_length(const NodeFacts& at, std::size_t past, std::size_t total) {
  const Elements said = elements_of(at.in(total));
  const auto before = given_size(at, past, 2);
  if (!said || said->size() != 1 || (at.has(past) && !before)) return std::nullopt;
  return before ? max(*before, said->front()) : said->front();
}

Fact grouped_cache(const NodeFacts& at, std::size_t past, const Grouped& of,
                   const std::optional<Expr>& total) {
  const Fact& before = at.in(past);
  if (before.has_rank() && before.rank() == 4) {
    Fact out = without_elements(before);
    (*out.dims)[2] = size_or_fresh(at, total);
    return out;
  }
  return tensor_fact(at.has(past) ? before.dtype : at.in(0).dtype,
                     Dims{size_or_fresh(at, given_size(at, 0, 0)), size_or_fresh(at, of.key_heads),
                          size_or_fresh(at, total), size_or_fresh(at, of.head_size)});
}

Inferred group_query(const NodeFacts& at) {
  const Grouped of = grouped(at);
  const bool window = at.attr_int("sliding_window_cache", 0) != 0;
  const auto total = window ? given_size(at, 3, 2) : total_length(at, 3, 6);
  Fact product = tensor_fact(
      at.in(0).dtype, Dims{size_or_fresh(at, given_size(at, 0, 0)), size_or_fresh(at, of.heads),
                           size_or_fresh(at, given_size(at, 0, 1)), size_or_fresh(at, total)});
  return std::vector{grouped_output(at, of), grouped_cache(at, 3, of, total),
                     grouped_cache(at, 4, of, total), std::move(product)};
}

/// The caches are updated in place.
Inferred grouped_in_place(const NodeFacts& at) {
  return std::vector{grouped_output(at, grouped(at)), shaped_like(at.in(3)), shaped_like(at.in(4))};
}

Inferred dynamic_sparse(const NodeFacts& at) {
  const Grouped of = grouped(at);
  const auto total = total_length(at, 3, 10);
  return std::vector{grouped_output(at, of), grouped_cache(at, 3, of, total),
                     grouped_cache(at, 4, of, total)};
}

/// A state of (batch, key heads, key size, value size) in the place of a cache.
Inferred linear_attention(const NodeFacts& at) {
  const auto queries = heads(at, "q_num_heads");
  const auto keys = heads(at, "kv_num_heads");
  const auto value_size = over(given_size(at, 2, 2), keys);
  const auto most = queries && keys ? std::optional(max(*queries, *keys)) : std::nullopt;
  Dims state{size_or_fresh(at, given_size(at, 0, 0)), size_or_fresh(at, keys),
             size_or_fresh(at, over(given_size(at, 1, 2), keys)), size_or_fresh(at, value_size)};
  if (const auto window = heads(at, "state_window")) state.insert(state.begin(), *window);
  const DType dtype = at.has(3) ? at.in(3).dtype : at.in(0).dtype;
  return std::vector{
      with_width(at.in(0), at.in(0).dtype, size_or_fresh(at, times(most, value_size))),
      at.in(3).has_rank() ? shaped_like(at.in(3)) : tensor_fact(dtype, std::move(state))};
}

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

/// Which of the caches is used is computed.
Inferred decoder_attention(const NodeFacts& at) {
  const auto count = heads(at, "num_heads");
  const Fact cache = tensor_fact(
      at.in(0).dtype, Dims{size_or_fresh(at, given_size(at, 0, 1)), size_or_fresh(at, count),
                           at.unknown_size("flags that are computed choose the cache"),
                           size_or_fresh(at, over(given_size(at, 0, 2), count))});
  return std::vector{shaped_like(at.in(0)), cache, cache};
}

/// A bias for each head and each pair of positions.
Inferred relative_bias(const NodeFacts& at) {
  const Fact& offsets = at.in(6);
  const auto batch = given_size(at, offsets.has_rank() ? 6 : 0, 0);
  return std::vector{tensor_fact(
      at.in(0).dtype,
      Dims{size_or_fresh(at, batch), size_or_fresh(at, heads(at, "num_heads")),
           size_or_fresh(at, given_size(at, 2, 2)), size_or_fresh(at, given_size(at, 2, 3))})};
}

}  // namespace

void register_contrib_attention(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::attention};
  const auto add = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape) {
    table.add(op_types, {.traits = sums, .shape = shape, .layout = fixed_layout<kHeadsInPlace>},
              ort_domain);
  };
  add({"Attention", "DecoderMaskedSelfAttention"}, attention);
  add({"QAttention"}, quantized_attention);
  add({"PackedAttention"}, packed_attention);
  add({"QOrderedAttention"}, ordered_attention);
  add({"MultiHeadAttention"}, multi_head);
  add({"DecoderMaskedMultiHeadAttention"}, masked_multi_head);
  add({"PackedMultiHeadAttention"}, packed_multi_head);
  add({"GroupQueryAttention"}, group_query);
  add({"PagedAttention", "SparseAttention", "SparsePagedAttention"}, grouped_in_place);
  add({"DynamicSparseAttention"}, dynamic_sparse);
  add({"LinearAttention"}, linear_attention);
  add({"LongformerAttention", "QOrderedLongformerAttention"}, like_input);
  add({"DecoderAttention"}, decoder_attention);
  table.add("GatedRelativePositionBias", {.shape = relative_bias}, ort_domain);
}

}  // namespace pot
