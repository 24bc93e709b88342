// Chunks of floats: one loop over a block, that loads each element once. What would cost a
// division or a look at the sign is only bounded there, and a block whose bound beats the best
// so far is looked at again, exactly. NaN and infinities are set aside vector by vector.
// No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

inline Singles magnitude(const Singles& of) noexcept {
  return (Singles)((Ints)of & std::numeric_limits<std::int32_t>::max());
}

inline bool all_below_infinity(const Singles& absolute) noexcept {
#if POT_VECTOR_BYTES == 64
  return _mm512_cmp_ps_mask(absolute, Singles{} + kInfinite, _CMP_NLT_UQ) == 0;
#else
  return _mm256_movemask_ps((Singles)(absolute < kInfinite)) == 0xff;
#endif
}

inline std::int64_t total(const Ints& lanes) noexcept {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < kSingles; ++i) sum += lanes[i];
  return sum;
}

// By halves: a chain through all lanes takes as long as a good part of a block.
template <class Lanes>
inline auto largest(const Lanes& lanes) noexcept {
  std::array<std::remove_cvref_t<decltype(lanes[0])>, kSingles> best;
  std::memcpy(best.data(), &lanes, sizeof(lanes));
  for (std::size_t half = kSingles / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) best[i] = std::max(best[i], best[i + half]);
  }
  return best[0];
}

// A vector with its NaN and infinities taken out.
struct Cleaned {
  Singles ref, got;            // zero on both sides where either is not finite
  Singles ref_seen, got_seen;  // NaN where it is not finite
};

struct FloatSpecials {
  std::int64_t pads = 0;  // places behind the end that were taken for NaN on both sides
  Ints left_out{}, equal{};
  Ints nan_ref{}, nan_got{}, nan_both{};
  Ints pos_ref{}, neg_ref{}, pos_got{}, neg_got{};

  Cleaned take(const Singles& ref, const Singles& got) noexcept {
    const Ints ref_nan = ref != ref, got_nan = got != got;
    const Ints keep_ref = magnitude(ref) < kInfinite, keep_got = magnitude(got) < kInfinite;
    const Ints keep = keep_ref & keep_got;
    left_out += keep + 1;
    equal -= (ref_nan & got_nan) | (~keep_ref & (ref == got));
    nan_ref -= ref_nan;
    nan_got -= got_nan;
    nan_both -= ref_nan & got_nan;
    pos_ref -= ref == kInfinite;
    neg_ref -= ref == -kInfinite;
    pos_got -= got == kInfinite;
    neg_got -= got == -kInfinite;
    return {(Singles)((Ints)ref & keep), (Singles)((Ints)got & keep),
            keep_ref ? ref : Singles{} + kNaN, keep_got ? got : Singles{} + kNaN};
  }

  [[nodiscard]] Specials<std::int64_t> sum() const noexcept {
    Specials<std::int64_t> out;
    out.equal = total(equal) - pads;
    out.nan_ref = total(nan_ref) - pads;
    out.nan_got = total(nan_got) - pads;
    out.nan_both = total(nan_both) - pads;
    out.pos_ref = total(pos_ref);
    out.neg_ref = total(neg_ref);
    out.pos_got = total(pos_got);
    out.neg_got = total(neg_got);
    return out;
  }
};

struct FloatRange {
  Singles ref_low = Singles{} + kInfinite, ref_high = Singles{} - kInfinite;
  Singles got_low = Singles{} + kInfinite, got_high = Singles{} - kInfinite;

  void add(const Singles& ref, const Singles& got) noexcept {
    keep_min(ref_low, ref);
    keep_max(ref_high, ref);
    keep_min(got_low, got);
    keep_max(got_high, got);
  }

  void add(const FloatRange& other) noexcept {
    keep_min(ref_low, other.ref_low);
    keep_max(ref_high, other.ref_high);
    keep_min(got_low, other.got_low);
    keep_max(got_high, other.got_high);
  }

  void add_to(DiffStats& stats) const noexcept {
    stats.ref_min = std::min<double>(stats.ref_min, -largest(-ref_low));
    stats.ref_max = std::max<double>(stats.ref_max, largest(ref_high));
    stats.got_min = std::min<double>(stats.got_min, -largest(-got_low));
    stats.got_max = std::max<double>(stats.got_max, largest(got_high));
  }
};

// The lanes that lie behind the end become NaN.
inline Singles load_singles(const std::byte* bytes, std::size_t lanes) noexcept {
  Singles loaded = Singles{} + kNaN;
  std::memcpy(&loaded, bytes, lanes * sizeof(float));
  return loaded;
}

// Maxima of numbers that are not negative, or do not matter then, as their bits.
struct FloatMaxima {
  Ints absolute{};
  Ints excess{};  // above zero where |d| / |ref| is more than `limit`
  Steps steps{};  // of different signs: some number from 2^23 up
  Ints nonzero{};

  void add(const Singles& ref, const Singles& got, const Singles& difference,
           const Singles& limit) noexcept {
    keep_max(absolute, (Ints)difference);
    keep_max(excess, (Ints)(difference - limit * magnitude(ref)));
    Steps apart = (Steps)ref - (Steps)got;
    keep_min(apart, (Steps)got - (Steps)ref);
    keep_max(steps, apart);
    Ints one = Ints{} + 1;
    keep_min(one, (Ints)difference);
    nonzero += one;
  }
};

// All that one loop over a block fills. The compiler keeps the vectors in registers as long as it
// inlines the loop's body.
struct FloatBlock {
  FloatRange range;
  FloatMaxima maxima;
  Sums sums;
  bool any_special = false;

  [[gnu::always_inline]] inline void add(const View& raw, std::size_t i, std::size_t lanes,
                                         const Singles& limit, FloatSpecials& specials,
                                         float* differences) noexcept {
    const std::byte* ref_at = raw.ref + i * sizeof(float);
    const std::byte* got_at = raw.got + i * sizeof(float);
    Singles ref = load_singles(ref_at, lanes), got = load_singles(got_at, lanes);
    Singles difference = magnitude(ref - got);
    Cleaned cleaned;
    if (all_below_infinity(difference)) [[likely]] {
      range.add(ref, got);
    } else {
      cleaned = specials.take(ref, got);
      range.add(cleaned.ref_seen, cleaned.got_seen);
      ref = cleaned.ref;
      got = cleaned.got;
      ref_at = reinterpret_cast<const std::byte*>(&cleaned.ref);
      got_at = reinterpret_cast<const std::byte*>(&cleaned.got);
      difference = magnitude(ref - got);
      any_special = true;
    }
    std::memcpy(differences + i, &difference, sizeof(difference));
    maxima.add(ref, got, difference, limit);
    const View both{ref_at, got_at, kSingles, 0};
    sums.add<float>(both, nullptr, 0, kLanes);
    sums.add<float>(both, nullptr, kLanes, kLanes);
  }
};

// What goes on from block to block.
struct FloatTotals {
  FloatRange range;
  Sums sums;
  FloatSpecials specials;
  std::uint64_t count = 0;

  void add(const FloatBlock& block, std::size_t elements) noexcept {
    range.add(block.range);
    sums.add(block.sums);
    count += elements;
  }

  void add_to(DiffStats& stats) const noexcept {
    const auto left_out = total(specials.left_out) - specials.pads;
    range.add_to(stats);
    sums.add_to(stats);
    stats.compared += count - static_cast<std::uint64_t>(left_out);
    add_specials(specials.sum(), static_cast<std::size_t>(left_out), stats);
  }
};

// Less than the largest so far by more than the rounding of a product.
inline Singles limit_below(double max_rel) noexcept {
  constexpr double kMost = std::numeric_limits<float>::max();
  return Singles{} + static_cast<float>(std::min(max_rel * (1 - 0x1p-20), kMost));
}

// The relative errors, exactly. What is set aside differs by zero.
inline void relate(const View& raw, Differences<float>& d, DiffStats& stats) noexcept {
  Ints top{}, zero_ref{};
  for (std::size_t i = 0; i < raw.count; i += kSingles) {
    const std::size_t lanes = std::min(kSingles, raw.count - i);
    const Singles size = magnitude(load_singles(raw.ref + i * sizeof(float), lanes));
    Singles difference;
    std::memcpy(&difference, &d.absolute[i], sizeof(difference));
    const Ints differ = difference != 0;
    zero_ref -= differ & (size == 0);
    keep_max(top, (Ints)(difference / size) & differ & (size != 0));
  }
  d.top_relative = std::bit_cast<float>(largest(top));
  stats.zero_ref_unequal += static_cast<std::uint64_t>(total(zero_ref));
  add_max_rel(raw, d, stats);
}

// A local block, not the result itself, whose vectors would be stored in every turn.
inline void read_block(const View& raw, const Singles& limit, FloatSpecials& specials,
                       float* differences, FloatBlock& out) noexcept {
  FloatBlock block;
  std::size_t i = 0;
  for (; i + kSingles <= raw.count; i += kSingles) {
    prefetch_next(raw.ref + i * sizeof(float));
    prefetch_next(raw.got + i * sizeof(float));
    block.add(raw, i, kSingles, limit, specials, differences);
  }
  if (i < raw.count) {
    block.add(raw, i, raw.count - i, limit, specials, differences);
    specials.pads += static_cast<std::int64_t>(i + kSingles - raw.count);
  }
  out = block;
}

inline void add_float_block(const View& raw, FloatTotals& totals, DiffStats& stats) noexcept {
  Differences<float> d;
  FloatSpecials specials = totals.specials;
  FloatBlock block;
  read_block(raw, limit_below(stats.max_rel), specials, d.absolute.data(), block);
  d.top = std::bit_cast<float>(largest(block.maxima.absolute));
  if (d.top == kInfinite) return add_block<Float32>(raw, stats);  // by doubles
  totals.specials = specials;
  totals.add(block, raw.count);
  std::uint32_t steps = largest(block.maxima.steps);
  if (steps >> 23 != 0) steps = finite_range<Float32>(raw).max_ulp;
  stats.max_ulp = std::max<std::uint64_t>(stats.max_ulp, steps);
  if (block.any_special && stats.first_nonfinite_mismatch == kNowhere) {
    note_first_mismatch<Float32>(raw, stats);
  }
  if (d.top == 0) return;
  d.nonzero = static_cast<std::uint64_t>(total(block.maxima.nonzero));
  stats.unequal += d.nonzero;
  add_max_abs<Float32>(raw, d, stats);
  // Far below the lowest edge the product with the limit would lose its bits.
  const bool tiny = add_histogram(raw.count, d, stats) != 0;
  if (tiny || largest(block.maxima.excess) > 0) relate(raw, d, stats);
}

inline void add_floats(const Chunk& chunk, DiffStats& stats) noexcept {
  FloatTotals totals;
  for (std::uint64_t done = 0; done < chunk.count; done += kBlock) {
    const View raw{chunk.ref + done * sizeof(float), chunk.got + done * sizeof(float),
                   std::min<std::uint64_t>(kBlock, chunk.count - done), chunk.first + done};
    add_float_block(raw, totals, stats);
  }
  totals.add_to(stats);
}

}  // namespace
}  // namespace pot::kernels::POT_TARGET
