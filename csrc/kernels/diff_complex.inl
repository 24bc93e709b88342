// diff_stats over complex elements, one after the other: they are rare, and their cost is in the
// square roots. No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

struct Complex {
  double real;
  double imag;
};

// One root of a sum of squares where that can neither overflow nor lose a small part.
template <class Part>
double modulus(Complex of) noexcept {
  if constexpr (std::is_same_v<Part, Float32>) {
    return std::sqrt(of.real * of.real + of.imag * of.imag);
  }
  return std::hypot(of.real, of.imag);
}

// One double out of two parts, when either is not finite.
double special(Complex of) noexcept {
  const bool nan = std::isnan(of.real) || std::isnan(of.imag);
  return nan ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
}

bool finite(Complex of) noexcept { return std::isfinite(of.real) && std::isfinite(of.imag); }

// Pre: not zero.
std::size_t decade(double difference) noexcept {
  std::size_t bin = 1;
  while (bin <= kDecades.size() && difference >= kDecades[bin - 1]) ++bin;
  return bin;
}

void add_complex_special(Complex ref, Complex got, std::uint64_t index, DiffStats& stats) noexcept {
  const bool ref_special = !finite(ref), got_special = !finite(got);
  const bool ref_nan = ref_special && std::isnan(special(ref));
  const bool got_nan = got_special && std::isnan(special(got));
  stats.nan_ref += ref_nan;
  stats.nan_got += got_nan;
  stats.nan_both += ref_nan && got_nan;
  stats.nan_mismatch += ref_nan != got_nan;
  stats.pos_inf_ref += ref_special && !ref_nan;
  stats.pos_inf_got += got_special && !got_nan;
  const bool same = (ref_nan && got_nan) || (ref.real == got.real && ref.imag == got.imag);
  if (same) return;
  ++stats.unequal;
  stats.inf_mismatch += !ref_nan && !got_nan;
  stats.first_nonfinite_mismatch = std::min(stats.first_nonfinite_mismatch, index);
}

template <class Part>
void add_complex_finite(Complex ref, Complex got, std::uint64_t index, DiffStats& stats) noexcept {
  const Complex d{ref.real - got.real, ref.imag - got.imag};
  const double difference = modulus<Part>(d);
  const double size = modulus<Part>(ref);
  const bool differ = d.real != 0 || d.imag != 0;
  ++stats.compared;
  stats.unequal += differ;
  stats.zero_ref_unequal += differ && size == 0;
  if (difference > stats.max_abs) {
    stats.max_abs = difference;
    stats.max_abs_index = index;
  }
  if (size > 0 && difference / size > stats.max_rel) {
    stats.max_rel = difference / size;
    stats.max_rel_index = index;
  }
  stats.sum_abs += difference;
  stats.sum_sq += d.real * d.real + d.imag * d.imag;
  stats.ref_sq += ref.real * ref.real + ref.imag * ref.imag;
  stats.got_sq += got.real * got.real + got.imag * got.imag;
  stats.dot += ref.real * got.real + ref.imag * got.imag;
  if (differ) ++stats.histogram[decade(difference)];
}

template <class Part>
std::uint64_t part_ulps(const Chunk& chunk, std::size_t part) noexcept {
  using Raw = typename Part::Raw;
  return distance(Part::order(load<Raw>(chunk.ref, part)), Part::order(load<Raw>(chunk.got, part)));
}

template <class Part>
Complex load_complex(const std::byte* bytes, std::size_t index) noexcept {
  using Raw = typename Part::Raw;
  return {Part::value(load<Raw>(bytes, 2 * index)), Part::value(load<Raw>(bytes, 2 * index + 1))};
}

template <class Part>
void add_complex(const Chunk& chunk, DiffStats& stats) noexcept {
  for (std::size_t i = 0; i < chunk.count; ++i) {
    const Complex ref = load_complex<Part>(chunk.ref, i);
    const Complex got = load_complex<Part>(chunk.got, i);
    if (finite(ref)) {
      stats.ref_min = std::min(stats.ref_min, modulus<Part>(ref));
      stats.ref_max = std::max(stats.ref_max, modulus<Part>(ref));
    }
    if (finite(got)) {
      stats.got_min = std::min(stats.got_min, modulus<Part>(got));
      stats.got_max = std::max(stats.got_max, modulus<Part>(got));
    }
    if (!finite(ref) || !finite(got)) {
      add_complex_special(ref, got, chunk.first + i, stats);
      continue;
    }
    add_complex_finite<Part>(ref, got, chunk.first + i, stats);
    stats.max_ulp =
        std::max({stats.max_ulp, part_ulps<Part>(chunk, 2 * i), part_ulps<Part>(chunk, 2 * i + 1)});
  }
}

}  // namespace
}  // namespace pot::kernels::POT_TARGET
