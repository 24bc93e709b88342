// What diff_stats needs of a block of finite floats or doubles: |d| and |d| / |ref|, the sums, the
// decades. Each is a plain loop over a block in the first-level cache, so that it becomes
// vector code. No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

struct View {
  const std::byte* ref;
  const std::byte* got;
  std::size_t count;
  std::uint64_t first;
};

template <class Order>
inline std::make_unsigned_t<Order> distance(Order a, Order b) noexcept {
  using Steps = std::make_unsigned_t<Order>;
  return static_cast<Steps>(static_cast<Steps>(std::max(a, b)) -
                            static_cast<Steps>(std::min(a, b)));
}

typedef double Doubles __attribute__((vector_size(POT_VECTOR_BYTES)));
typedef float Floats __attribute__((vector_size(POT_VECTOR_BYTES / 2)));
typedef std::int64_t Masks __attribute__((vector_size(POT_VECTOR_BYTES)));
typedef float Singles __attribute__((vector_size(POT_VECTOR_BYTES)));
typedef std::int32_t Ints __attribute__((vector_size(POT_VECTOR_BYTES)));
typedef std::uint32_t Steps __attribute__((vector_size(POT_VECTOR_BYTES)));
constexpr Masks kMagnitude = Masks{} + std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kSingles = POT_VECTOR_BYTES / sizeof(float);
constexpr std::size_t kLanes = POT_VECTOR_BYTES / sizeof(double);

// A NaN in `next` changes nothing.
template <class Lanes>
inline void keep_max(Lanes& best, const Lanes& next) noexcept {
  best = next > best ? next : best;
}

template <class Lanes>
inline void keep_min(Lanes& best, const Lanes& next) noexcept {
  best = next < best ? next : best;
}

// Floats that are not negative are in the order of their bits.
template <class Value>
using Bits = std::conditional_t<sizeof(Value) == 4, std::int32_t, std::int64_t>;

template <class Value>
struct Differences {
  alignas(64) std::array<Value, kBlock> absolute;
  Value top = 0;
  Value top_relative = 0;
  std::uint64_t nonzero = 0;
  std::uint64_t zero_ref = 0;
};

template <class Source, class Value>
inline Value absolute_difference(const View& raw, Value ref, Value got, std::size_t i) noexcept {
  if constexpr (kWide<Source>) {
    using Raw = typename Source::Raw;
    return static_cast<Value>(distance(load<Raw>(raw.ref, i), load<Raw>(raw.got, i)));
  } else {
    return std::fabs(ref - got);
  }
}

// Infinite where ref is zero, so that the quotient is zero there.
template <class Value>
inline Value divisor(Value ref) noexcept {
  return ref == 0 ? std::numeric_limits<Value>::infinity() : std::fabs(ref);
}

template <class Source, class Value>
void subtract(const View& raw, const View& values, Differences<Value>& out) noexcept {
  Bits<Value> top = 0;
  Bits<Value> top_relative = 0;
  Bits<Value> nonzero = 0;
  Bits<Value> zero_ref = 0;
  for (std::size_t i = 0; i < values.count; ++i) {
    const Value ref = load<Value>(values.ref, i);
    const Value got = load<Value>(values.got, i);
    const Value absolute = absolute_difference<Source>(raw, ref, got, i);
    const Value relative = absolute / divisor(ref);
    out.absolute[i] = absolute;
    const auto bits = std::bit_cast<Bits<Value>>(absolute);
    top = std::max(top, bits);
    top_relative = std::max(top_relative, std::bit_cast<Bits<Value>>(relative));
    nonzero += bits != 0;
    zero_ref += (ref == 0) & (bits != 0);
  }
  for (std::size_t i = values.count; i % kSingles != 0; ++i) out.absolute[i] = 0;
  out.top = std::bit_cast<Value>(top);
  out.top_relative = std::bit_cast<Value>(top_relative);
  out.nonzero = static_cast<std::uint64_t>(nonzero);
  out.zero_ref = static_cast<std::uint64_t>(zero_ref);
}

template <class Source, class Value>
void add_max_abs(const View& raw, const Differences<Value>& d, DiffStats& stats) noexcept {
  if (!(static_cast<double>(d.top) > stats.max_abs)) return;
  stats.max_abs = static_cast<double>(d.top);
  std::size_t i = 0;
  while (d.absolute[i] != d.top) ++i;
  stats.max_abs_index = raw.first + i;
}

template <class Value>
void add_max_rel(const View& values, const Differences<Value>& d, DiffStats& stats) noexcept {
  if (!(static_cast<double>(d.top_relative) > stats.max_rel)) return;
  if (sizeof(Value) == 8 || d.top_relative <= std::numeric_limits<Value>::max()) {
    std::size_t i = 0;
    while (d.absolute[i] / divisor(load<Value>(values.ref, i)) != d.top_relative) ++i;
    stats.max_rel = static_cast<double>(d.top_relative);
    stats.max_rel_index = values.first + i;
    return;
  }
  for (std::size_t i = 0; i < values.count; ++i) {  // a quotient that only a double can hold
    const double ref = static_cast<double>(divisor(load<Value>(values.ref, i)));
    const double relative = static_cast<double>(d.absolute[i]) / ref;
    if (relative > stats.max_rel) {
      stats.max_rel = relative;
      stats.max_rel_index = values.first + i;
    }
  }
}

// g++ 12 takes four instructions for the one of AVX-512. Its unmasked intrinsic trips
// -Wmaybe-uninitialized; the mask is folded away.
inline void widen_floats(const Floats& narrow, Doubles& out) noexcept {
#if POT_VECTOR_BYTES == 64
  out = _mm512_maskz_cvtps_pd(0xff, narrow);
#else
  out = __builtin_convertvector(narrow, Doubles);
#endif
}

// `lanes` of them; the others are zero and add nothing.
template <class Value>
inline void load_doubles(const std::byte* bytes, std::size_t index, std::size_t lanes,
                         Doubles& out) noexcept {
  const std::byte* from = bytes + index * sizeof(Value);
  if constexpr (sizeof(Value) == sizeof(double)) {
    out = Doubles{};
    std::memcpy(&out, from, lanes * sizeof(Value));
  } else {
    Floats narrow{};
    std::memcpy(&narrow, from, lanes * sizeof(Value));
    widen_floats(narrow, out);
  }
}

inline double total(const Doubles& lanes) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

struct Sums {
  Doubles abs{}, sq{}, ref_sq{}, got_sq{}, dot{};

  template <class Value>
  void add(const View& values, const std::byte* absolute, std::size_t i,
           std::size_t lanes) noexcept {
    Doubles ref, got, difference;
    load_doubles<Value>(values.ref, i, lanes, ref);
    load_doubles<Value>(values.got, i, lanes, got);
    if constexpr (sizeof(Value) == sizeof(double)) {
      load_doubles<Value>(absolute, i, lanes, difference);
    } else {  // more exact than the float, at the same price
      difference = (Doubles)((Masks)(ref - got) & kMagnitude);
    }
    abs += difference;
    sq += difference * difference;
    ref_sq += ref * ref;
    got_sq += got * got;
    dot += ref * got;
  }

  void add(const Sums& block) noexcept {
    abs += block.abs;
    sq += block.sq;
    ref_sq += block.ref_sq;
    got_sq += block.got_sq;
    dot += block.dot;
  }

  void add_to(DiffStats& stats) const noexcept {
    stats.sum_abs += total(abs);
    stats.sum_sq += total(sq);
    stats.ref_sq += total(ref_sq);
    stats.got_sq += total(got_sq);
    stats.dot += total(dot);
  }
};

// The sums keep the arithmetic busy and the memory idle: fetch what the next block will read. An
// address behind the end of the tensor does no harm.
inline void prefetch_next(const std::byte* at) noexcept {
  __builtin_prefetch(at + kBlock * sizeof(float));
}

// Every term is exact or rounded once. A block is short, so the error is that of some hundred
// additions and one more for each block.
template <class Value>
void add_sums(const View& values, const Differences<Value>& d, DiffStats& stats) noexcept {
  const auto* absolute = reinterpret_cast<const std::byte*>(d.absolute.data());
  Sums sums;
  std::size_t i = 0;
  for (; i + kLanes <= values.count; i += kLanes) {
    prefetch_next(values.ref + i * sizeof(Value));
    prefetch_next(values.got + i * sizeof(Value));
    sums.add<Value>(values, absolute, i, kLanes);
  }
  if (i < values.count) sums.add<Value>(values, absolute, i, values.count - i);
  sums.add_to(stats);
}

}  // namespace
}  // namespace pot::kernels::POT_TARGET
