// One block of diff_stats. The scan over the element's own integers gives range and ULPs and finds
// blocks with NaN or infinities in them, which are rare and go another way.
// No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

template <class Order>
struct Range {
  Order ref_low = std::numeric_limits<Order>::max();
  Order ref_high = std::numeric_limits<Order>::lowest();
  Order got_low = std::numeric_limits<Order>::max();
  Order got_high = std::numeric_limits<Order>::lowest();
  std::make_unsigned_t<Order> max_ulp = 0;
};

template <class Source>
Range<typename Source::Order> scan(const View& view) noexcept {
  using Raw = typename Source::Raw;
  Range<typename Source::Order> range;
  for (std::size_t i = 0; i < view.count; ++i) {
    const auto a = Source::order(load<Raw>(view.ref, i));
    const auto b = Source::order(load<Raw>(view.got, i));
    range.ref_low = std::min(range.ref_low, a);
    range.ref_high = std::max(range.ref_high, a);
    range.got_low = std::min(range.got_low, b);
    range.got_high = std::max(range.got_high, b);
    range.max_ulp = std::max(range.max_ulp, distance(a, b));
  }
  return range;
}

template <class Source, class Order>
bool all_finite(const Range<Order>& range) noexcept {
  return std::min(range.ref_low, range.got_low) >= Source::kLow &&
         std::max(range.ref_high, range.got_high) <= Source::kHigh;
}

template <class Source, class Order>
bool any_huge(const Range<Order>& range) noexcept {
  return std::min(range.ref_low, range.got_low) <= -Source::kHuge ||
         std::max(range.ref_high, range.got_high) >= Source::kHuge;
}

// A side without a finite value leaves its range empty: low above high.
template <class Source, class Order>
void add_range(const Range<Order>& range, DiffStats& stats) noexcept {
  if (range.ref_low <= range.ref_high) {
    stats.ref_min = std::min(stats.ref_min, Source::value_at(range.ref_low));
    stats.ref_max = std::max(stats.ref_max, Source::value_at(range.ref_high));
  }
  if (range.got_low <= range.got_high) {
    stats.got_min = std::min(stats.got_min, Source::value_at(range.got_low));
    stats.got_max = std::max(stats.got_max, Source::value_at(range.got_high));
  }
  stats.max_ulp = std::max<std::uint64_t>(stats.max_ulp, range.max_ulp);
}

template <class Value>
struct Buffers {
  alignas(64) std::array<Value, kBlock> ref;
  alignas(64) std::array<Value, kBlock> got;

  [[nodiscard]] View view(const View& raw) const noexcept {
    return {reinterpret_cast<const std::byte*>(ref.data()),
            reinterpret_cast<const std::byte*>(got.data()), raw.count, raw.first};
  }
};

template <class Source, class Value>
void widen_and_add(const View& raw, DiffStats& stats) noexcept {
  using Raw = typename Source::Raw;
  Buffers<Value> values;
  for (std::size_t i = 0; i < raw.count; ++i) {
    values.ref[i] = static_cast<Value>(Source::value(load<Raw>(raw.ref, i)));
    values.got[i] = static_cast<Value>(Source::value(load<Raw>(raw.got, i)));
  }
  add_values<Source, Value>(raw, values.view(raw), stats);
}

template <class Source>
bool is_nan(typename Source::Order order) noexcept {
  constexpr int kInfinity = Source::kInfinite ? 1 : 0;
  return (order > Source::kHigh + kInfinity) | (order < Source::kLow - kInfinity);
}

template <class Source>
bool is_finite(typename Source::Order order) noexcept {
  return (order >= Source::kLow) & (order <= Source::kHigh);
}

// Of one block with NaN or infinities in it.
template <class Order>
struct Specials {
  Range<Order> range;
  std::int32_t kept = 0;
  std::int32_t equal = 0;  // of those that are not kept
  std::int32_t nan_ref = 0, nan_got = 0, nan_both = 0;
  std::int32_t pos_ref = 0, neg_ref = 0, pos_got = 0, neg_got = 0;
};

template <class Source>
void tally(typename Source::Order a, typename Source::Order b,
           Specials<typename Source::Order>& out) noexcept {
  using Order = typename Source::Order;
  constexpr auto kMost = std::numeric_limits<Order>::max();
  constexpr auto kLeast = std::numeric_limits<Order>::lowest();
  const bool keep_a = is_finite<Source>(a), keep_b = is_finite<Source>(b);
  const bool nan_a = is_nan<Source>(a), nan_b = is_nan<Source>(b);
  out.range.ref_low = std::min(out.range.ref_low, keep_a ? a : kMost);
  out.range.ref_high = std::max(out.range.ref_high, keep_a ? a : kLeast);
  out.range.got_low = std::min(out.range.got_low, keep_b ? b : kMost);
  out.range.got_high = std::max(out.range.got_high, keep_b ? b : kLeast);
  const auto steps = distance(a, b);
  const bool keep = keep_a & keep_b;
  out.range.max_ulp = std::max(out.range.max_ulp, keep ? steps : decltype(steps){0});
  out.kept += keep;
  out.equal += (nan_a & nan_b) | (!keep & !nan_a & !nan_b & (a == b));
  out.nan_ref += nan_a;
  out.nan_got += nan_b;
  out.nan_both += nan_a & nan_b;
  out.pos_ref += !keep_a & !nan_a & (a > 0);
  out.neg_ref += !keep_a & !nan_a & (a < 0);
  out.pos_got += !keep_b & !nan_b & (b > 0);
  out.neg_got += !keep_b & !nan_b & (b < 0);
}

void add_count(std::uint64_t& sum, std::int32_t more) noexcept {
  sum += static_cast<std::uint64_t>(more);
}

template <class Order>
void add_specials(const Specials<Order>& of, std::size_t count, DiffStats& stats) noexcept {
  const auto left_out = static_cast<std::int32_t>(count) - of.kept;
  const auto nan_mismatch = of.nan_ref + of.nan_got - 2 * of.nan_both;
  add_count(stats.compared, of.kept);
  add_count(stats.unequal, left_out - of.equal);
  add_count(stats.nan_ref, of.nan_ref);
  add_count(stats.nan_got, of.nan_got);
  add_count(stats.nan_both, of.nan_both);
  add_count(stats.nan_mismatch, nan_mismatch);
  add_count(stats.pos_inf_ref, of.pos_ref);
  add_count(stats.neg_inf_ref, of.neg_ref);
  add_count(stats.pos_inf_got, of.pos_got);
  add_count(stats.neg_inf_got, of.neg_got);
  add_count(stats.inf_mismatch, left_out - of.equal - nan_mismatch);
}

template <class Source>
void note_first_mismatch(const View& raw, DiffStats& stats) noexcept {
  using Raw = typename Source::Raw;
  for (std::size_t i = 0; i < raw.count; ++i) {
    const auto a = Source::order(load<Raw>(raw.ref, i));
    const auto b = Source::order(load<Raw>(raw.got, i));
    const bool both_finite = is_finite<Source>(a) && is_finite<Source>(b);
    const bool both_nan = is_nan<Source>(a) && is_nan<Source>(b);
    if (both_finite || both_nan || a == b) continue;
    stats.first_nonfinite_mismatch = raw.first + i;
    return;
  }
}

// Zero on both sides stands for a place that is left out: it changes no sum and no maximum.
template <class Source, class Value>
void keep_finite_and_add(const View& raw, DiffStats& stats) noexcept {
  using Raw = typename Source::Raw;
  Buffers<Value> values;
  for (std::size_t i = 0; i < raw.count; ++i) {
    const Raw a = load<Raw>(raw.ref, i), b = load<Raw>(raw.got, i);
    const bool keep_a = is_finite<Source>(Source::order(a));
    const bool keep_b = is_finite<Source>(Source::order(b));
    const bool keep = keep_a & keep_b;
    values.ref[i] = keep ? static_cast<Value>(Source::value(a)) : Value{0};
    values.got[i] = keep ? static_cast<Value>(Source::value(b)) : Value{0};
  }
  add_values<Source, Value>(raw, values.view(raw), stats);
}

template <class Source>
void add_with_specials(const View& raw, DiffStats& stats) noexcept {
  using Raw = typename Source::Raw;
  Specials<typename Source::Order> specials;
  for (std::size_t i = 0; i < raw.count; ++i) {
    tally<Source>(Source::order(load<Raw>(raw.ref, i)), Source::order(load<Raw>(raw.got, i)),
                  specials);
  }
  add_range<Source>(specials.range, stats);
  add_specials(specials, raw.count, stats);
  const bool differ = static_cast<std::size_t>(specials.kept + specials.equal) < raw.count;
  if (differ && stats.first_nonfinite_mismatch == kNowhere) {
    note_first_mismatch<Source>(raw, stats);
  }
  if constexpr (HasHuge<Source>) {
    if (any_huge<Source>(specials.range)) return keep_finite_and_add<Source, double>(raw, stats);
  }
  keep_finite_and_add<Source, typename Source::Value>(raw, stats);
}

template <class Source>
void add_block(const View& raw, DiffStats& stats) noexcept {
  const auto range = scan<Source>(raw);
  if constexpr (Source::kFloating) {
    if (!all_finite<Source>(range)) return add_with_specials<Source>(raw, stats);
  }
  add_range<Source>(range, stats);
  stats.compared += raw.count;
  if constexpr (HasHuge<Source>) {
    if (any_huge<Source>(range)) return widen_and_add<Source, double>(raw, stats);
  }
  if constexpr (Source::kDirect) {
    add_values<Source, typename Source::Value>(raw, raw, stats);
  } else {
    widen_and_add<Source, typename Source::Value>(raw, stats);
  }
}

}  // namespace
}  // namespace pot::kernels::POT_TARGET
