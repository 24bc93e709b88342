// The histogram of a block of floats. No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

// The smallest Value that is not below the edge, as bits.
template <class Value>
constexpr std::array<Bits<Value>, kDecades.size()> edge_bits() noexcept {
  std::array<Bits<Value>, kDecades.size()> edges{};
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto near = static_cast<Value>(kDecades[i]);
    edges[i] = std::bit_cast<Bits<Value>>(near) + (static_cast<double>(near) < kDecades[i]);
  }
  return edges;
}

#if POT_VECTOR_BYTES == 64
// Seven decades of differences at once, for AVX-512. Within a binade there is one edge at most, so
// a table by exponent tells what to add to the bits of a float for its exponent field to become
// the number of edges that it reaches.
struct Window {
  std::size_t first = 0;                              // edge
  std::int32_t floor = 0;                             // the largest float below that edge, as bits
  std::int32_t ceiling = 0;                           // as high as the table goes
  alignas(64) std::array<std::uint32_t, 32> shift{};  // by exponent modulo 32
};

constexpr std::size_t kWindow = 7;

// The last seven of the first `edges` edges: as many as fit into a word by four bits each.
constexpr Window make_window(std::size_t edges) noexcept {
  constexpr auto kEdges = edge_bits<float>();
  constexpr std::uint32_t kHidden = 1U << 23;
  Window out;
  out.first = edges > kWindow ? edges - kWindow : 0;
  out.floor = kEdges[out.first] - 1;
  const auto lowest = static_cast<std::uint32_t>(out.floor) / kHidden;
  out.ceiling = static_cast<std::int32_t>((lowest + 31) * kHidden);
  for (std::uint32_t exponent = lowest; exponent < lowest + 32; ++exponent) {
    std::uint32_t shift = 0U - exponent * kHidden;
    for (std::size_t i = out.first; i < edges; ++i) {
      const auto edge = static_cast<std::uint32_t>(kEdges[i]);
      if (edge / kHidden < exponent) shift += kHidden;
      if (edge / kHidden == exponent) shift += kHidden - edge % kHidden;
    }
    out.shift[exponent % 32] = shift;
  }
  return out;
}

constexpr std::array<Window, kDecades.size() + 1> make_windows() noexcept {
  std::array<Window, kDecades.size() + 1> windows;
  for (std::size_t i = 0; i < kDecades.size(); ++i) windows[i + 1] = make_window(i + 1);
  return windows;
}

// Sixteen counts in each lane's bytes or half words, as two half words.
inline std::array<std::uint32_t, 2> sum_halves(const Steps& lanes) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kSingles; ++i) sum += lanes[i];
  return {sum & 0xffff, sum >> 16};
}

// Of a table of 32, the halves of which are given.
inline Steps look_up(const Steps& low, const Steps& high, const Steps& index) noexcept {
  return (Steps)_mm512_permutex2var_epi32((__m512i)low, (__m512i)index, (__m512i)high);
}

// Pre: the largest difference reaches `edges` edges. Counts down to edge `edges`, which it moves;
// tells how many there are.
inline std::uint64_t add_window(std::size_t count, const Differences<float>& d, std::size_t& edges,
                                DiffStats& stats) noexcept {
  static constexpr auto kWindows = make_windows();
  if (edges == 0) return 0;
  const Window& window = kWindows[edges];
  Steps low, high;
  std::memcpy(&low, window.shift.data(), sizeof(low));
  std::memcpy(&high, window.shift.data() + kSingles, sizeof(high));
  constexpr Steps kOnes{0, 1U << 4, 1U << 8, 1U << 12, 1U << 16, 1U << 20, 1U << 24, 1U << 28};
  constexpr unsigned kNibbles = 0x0f0f0f0f;
  constexpr std::size_t kFull = 15 * kSingles;  // a count of four bits holds no more
  const Ints floor = Ints{} + window.floor, ceiling = Ints{} + window.ceiling;
  Steps even{}, odd{};
  for (std::size_t i = 0; i < count;) {
    Steps counts{};
    for (const std::size_t end = std::min(count, i + kFull); i < end; i += kSingles) {
      Ints bits;
      std::memcpy(&bits, &d.absolute[i], sizeof(bits));
      keep_max(bits, floor);
      keep_min(bits, ceiling);
      const Steps seen = (Steps)bits;
      counts += look_up(kOnes, kOnes, (seen + look_up(low, high, seen >> 23)) >> 23);
    }
    even += counts & kNibbles;
    odd += counts >> 4 & kNibbles;
  }
  const auto [even0, even2] = sum_halves(even & 0x00ff00ff);
  const auto [even1, even3] = sum_halves(even >> 8 & 0x00ff00ff);
  const auto [odd0, odd2] = sum_halves(odd & 0x00ff00ff);
  const auto [odd1, odd3] = sum_halves(odd >> 8 & 0x00ff00ff);
  const std::array<std::uint32_t, kWindow> fields{odd0, even1, odd1, even2, odd2, even3, odd3};
  std::uint64_t sum = 0;
  for (std::size_t i = window.first; i < edges; ++i) {
    stats.histogram[i + 2] += fields[i - window.first];
    sum += fields[i - window.first];
  }
  edges = window.first;
  return sum;
}
#endif

// From the block's largest decade down to its smallest: a handful of counts, each a compare.
// Tells how many differences lie below all of the edges.
template <class Value>
std::uint64_t add_histogram(std::size_t count, const Differences<Value>& d,
                            DiffStats& stats) noexcept {
  static constexpr auto kEdges = edge_bits<Value>();
  std::size_t edge = kEdges.size();
  while (edge > 0 && kEdges[edge - 1] > std::bit_cast<Bits<Value>>(d.top)) --edge;
  std::uint64_t above = 0;
#if POT_VECTOR_BYTES == 64
  if constexpr (sizeof(Value) == sizeof(float)) above = add_window(count, d, edge, stats);
#endif
  while (edge-- > 0 && above < d.nonzero) {
    const Bits<Value> bound = kEdges[edge];
    Bits<Value> reached = 0;
    for (std::size_t i = 0; i < count; ++i) {
      reached += std::bit_cast<Bits<Value>>(d.absolute[i]) >= bound;
    }
    stats.histogram[edge + 2] += static_cast<std::uint64_t>(reached) - above;
    above = static_cast<std::uint64_t>(reached);
  }
  stats.histogram[1] += d.nonzero - above;
  return d.nonzero - above;
}

// Pre: `values` are finite.
template <class Source, class Value>
void add_values(const View& raw, const View& values, DiffStats& stats) noexcept {
  Differences<Value> d;
  subtract<Source>(raw, values, d);
  stats.unequal += d.nonzero;
  stats.zero_ref_unequal += d.zero_ref;
  add_max_abs<Source>(raw, d, stats);
  add_max_rel(values, d, stats);
  add_sums(values, d, stats);
  add_histogram(values.count, d, stats);
}

}  // namespace
}  // namespace pot::kernels::POT_TARGET
