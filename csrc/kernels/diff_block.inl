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

// 1 or 0 in the width of the order, so that the loops over them become vector code.
template <class Source, class Order = typename Source::Order>
inline Order is_nan(Order order) noexcept {
  constexpr int kInfinity = Source::kInfinite ? 1 : 0;
  constexpr auto kAbove = static_cast<Order>(Source::kHigh + kInfinity);
  constexpr auto kBelow = static_cast<Order>(Source::kLow - kInfinity);
  const Order above = order > kAbove ? 1 : 0;
  const Order below = order < kBelow ? 1 : 0;
  return static_cast<Order>(above | below);
}

template <class Source, class Order = typename Source::Order>
inline Order is_finite(Order order) noexcept {
  const Order low = order >= Source::kLow ? 1 : 0;
  const Order high = order <= Source::kHigh ? 1 : 0;
  return static_cast<Order>(low & high);
}

// Of one block with NaN or infinities in it. A block is short enough to be counted in any order.
template <class Order>
struct Specials {
  Order kept = 0;
  Order equal = 0;  // of those that are not kept
  Order nan_ref = 0, nan_got = 0, nan_both = 0;
  Order pos_ref = 0, neg_ref = 0, pos_got = 0, neg_got = 0;
};

template <class Order, class By>  // By: an Order, or the int that a short one is promoted to
inline void increase(Order& count, By by) noexcept {
  count = static_cast<Order>(count + static_cast<Order>(by));
}

// `keep` is 1 or 0. By bits: a conditional would become a branch, and the loop stay scalar.
template <class Order>
inline Order choose(Order keep, Order kept, Order otherwise) noexcept {
  const auto mask = static_cast<Order>(-keep);
  return static_cast<Order>((kept & mask) | (otherwise & ~mask));
}

// Any finite order of that side, to put where the others are; 0 when there is none.
template <class Source, class Order = typename Source::Order>
Order first_finite(const std::byte* bytes, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const Order order = Source::order(load<typename Source::Raw>(bytes, i));
    if (is_finite<Source>(order)) return order;
  }
  return 0;
}

template <class Order>
struct Orders {
  alignas(64) std::array<Order, kBlock> ref;
  alignas(64) std::array<Order, kBlock> got;
  alignas(64) std::array<std::make_unsigned_t<Order>, kBlock> steps;
};

// Stores first and reduces then: g++ 12 leaves a loop that does both scalar.
template <class Source, class Order = typename Source::Order>
void finite_orders(const View& raw, Orders<Order>& out) noexcept {
  using Raw = typename Source::Raw;
  const Order some_ref = first_finite<Source>(raw.ref, raw.count);
  const Order some_got = first_finite<Source>(raw.got, raw.count);
  for (std::size_t i = 0; i < raw.count; ++i) {
    const Order a = Source::order(load<Raw>(raw.ref, i));
    const Order b = Source::order(load<Raw>(raw.got, i));
    const Order keep_a = is_finite<Source>(a), keep_b = is_finite<Source>(b);
    out.ref[i] = choose(keep_a, a, some_ref);
    out.got[i] = choose(keep_b, b, some_got);
    out.steps[i] = distance(a, choose(static_cast<Order>(keep_a & keep_b), b, a));
  }
}

template <class Source, class Order = typename Source::Order>
Range<Order> finite_range(const View& raw) noexcept {
  Orders<Order> orders;
  finite_orders<Source>(raw, orders);
  Range<Order> range;
  for (std::size_t i = 0; i < raw.count; ++i) {
    range.ref_low = std::min(range.ref_low, orders.ref[i]);
    range.ref_high = std::max(range.ref_high, orders.ref[i]);
    range.got_low = std::min(range.got_low, orders.got[i]);
    range.got_high = std::max(range.got_high, orders.got[i]);
    range.max_ulp = std::max(range.max_ulp, orders.steps[i]);
  }
  return range;
}

// A side without a finite value has no range; the zeros that stood in for it are taken out.
template <class Order>
void drop_empty_sides(const Specials<Order>& of, std::size_t count, Range<Order>& range) noexcept {
  constexpr Range<Order> kEmpty;
  if (static_cast<std::size_t>(of.nan_ref + of.pos_ref + of.neg_ref) == count) {
    range.ref_low = kEmpty.ref_low;
    range.ref_high = kEmpty.ref_high;
  }
  if (static_cast<std::size_t>(of.nan_got + of.pos_got + of.neg_got) == count) {
    range.got_low = kEmpty.got_low;
    range.got_high = kEmpty.got_high;
  }
}

template <class Source, class Order = typename Source::Order>
Specials<Order> count_specials(const View& raw) noexcept {
  using Raw = typename Source::Raw;
  Specials<Order> out;
  for (std::size_t i = 0; i < raw.count; ++i) {
    const Order a = Source::order(load<Raw>(raw.ref, i));
    const Order b = Source::order(load<Raw>(raw.got, i));
    const Order keep_a = is_finite<Source>(a), keep_b = is_finite<Source>(b);
    const Order nan_a = is_nan<Source>(a), nan_b = is_nan<Source>(b);
    const Order same = a == b ? 1 : 0;
    increase(out.kept, keep_a & keep_b);
    increase(out.equal, (nan_a & nan_b) | ((keep_a ^ 1) & (nan_a ^ 1) & same));
    increase(out.nan_ref, nan_a);
    increase(out.nan_got, nan_b);
    increase(out.nan_both, nan_a & nan_b);
    increase(out.pos_ref, ((keep_a | nan_a) ^ 1) & (a > 0 ? 1 : 0));
    increase(out.neg_ref, ((keep_a | nan_a) ^ 1) & (a < 0 ? 1 : 0));
    increase(out.pos_got, ((keep_b | nan_b) ^ 1) & (b > 0 ? 1 : 0));
    increase(out.neg_got, ((keep_b | nan_b) ^ 1) & (b < 0 ? 1 : 0));
  }
  return out;
}

void add_count(std::uint64_t& sum, std::int64_t more) noexcept {
  sum += static_cast<std::uint64_t>(more);
}

template <class Order>
void add_specials(const Specials<Order>& of, std::size_t count, DiffStats& stats) noexcept {
  const auto left_out = static_cast<std::int64_t>(count) - of.kept;
  const std::int64_t nan_mismatch = of.nan_ref + of.nan_got - 2 * of.nan_both;
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

// Zero on both sides stands for a place that is left out: it changes no sum and no maximum. The
// bits are masked before the product, so that no NaN gets into it; the product is for elements
// whose zero bits are not zero.
template <class Source, class Value>
void keep_finite_and_add(const View& raw, DiffStats& stats) noexcept {
  using Raw = typename Source::Raw;
  alignas(64) std::array<Raw, kBlock> keep;  // in memory, or the masks would become branches
  for (std::size_t i = 0; i < raw.count; ++i) {
    const auto a = is_finite<Source>(Source::order(load<Raw>(raw.ref, i)));
    const auto b = is_finite<Source>(Source::order(load<Raw>(raw.got, i)));
    keep[i] = static_cast<Raw>(a & b);
  }
  Buffers<Value> values;
  for (std::size_t i = 0; i < raw.count; ++i) {
    const Raw mask = static_cast<Raw>(-keep[i]);
    const Raw a = load<Raw>(raw.ref, i) & mask, b = load<Raw>(raw.got, i) & mask;
    const auto factor = static_cast<Value>(keep[i]);
    values.ref[i] = static_cast<Value>(Source::value(a)) * factor;
    values.got[i] = static_cast<Value>(Source::value(b)) * factor;
  }
  add_values<Source, Value>(raw, values.view(raw), stats);
}

template <class Source>
void add_with_specials(const View& raw, DiffStats& stats) noexcept {
  auto range = finite_range<Source>(raw);
  const auto specials = count_specials<Source>(raw);
  drop_empty_sides(specials, raw.count, range);
  add_range<Source>(range, stats);
  add_specials(specials, raw.count, stats);
  const bool differ = static_cast<std::size_t>(specials.kept + specials.equal) < raw.count;
  if (differ && stats.first_nonfinite_mismatch == kNowhere) {
    note_first_mismatch<Source>(raw, stats);
  }
  if constexpr (HasHuge<Source>) {
    if (any_huge<Source>(range)) return keep_finite_and_add<Source, double>(raw, stats);
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
