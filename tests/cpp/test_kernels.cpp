// Every compiled variant of diff_stats against its slow twin, on all the machine can run.

#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "kernels/diff_chunk.h"
#include "reference/slow_stats.h"

namespace {

using namespace pot;
using namespace pot::kernels;

template <class Float>
struct Pair {
  std::vector<Float> ref, got;
};

// Close values with everything odd strewn in; `odd` is the share of those.
template <class Float>
Pair<Float> make_pair(std::size_t count, double odd, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  using Limits = std::numeric_limits<Float>;
  const std::vector<Float> oddities{
      Limits::quiet_NaN(),  Limits::infinity(),    -Limits::infinity(), Float{0},     -Float{0},
      Limits::denorm_min(), -Limits::denorm_min(), Limits::min(),       Float{1e-20F}};
  const auto pick = [&] { return oddities[random() % oddities.size()]; };
  const auto chance = [&] { return std::uniform_real_distribution<>()(random) < odd; };
  Pair<Float> pair;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = normal(random);
    pair.ref.push_back(chance() ? pick() : static_cast<Float>(value));
    pair.got.push_back(chance() ? pick() : static_cast<Float>(value * (1 + 1e-6 * normal(random))));
  }
  return pair;
}

// Differences of every size, signs that differ, and relative errors that grow from block to block.
template <class Float>
Pair<Float> make_ladder(std::size_t count, double odd, unsigned seed) {
  std::mt19937_64 random(seed + 1);
  std::uniform_real_distribution<double> exponent(-25, 12);
  Pair<Float> pair = make_pair<Float>(count, odd, seed);
  for (std::size_t i = 0; i < count; ++i) {
    const double sign = random() % 2 == 0 ? 1 : -1;
    const double step = sign * std::pow(10, exponent(random) + static_cast<double>(i) / 1000);
    if (random() % 2 == 0) pair.ref[i] = 0;
    pair.got[i] += static_cast<Float>(step);
  }
  return pair;
}

bool near(double got, long double want, long double scale) {
  return std::fabs(got - want) <= 1e-13L * scale + 1e-300L;
}

// `rounding` is that of |d|, in parts of it.
template <class Float>
void check_twins(const DiffStats& s, const Pair<Float>& pair, double rounding) {
  const auto twin = reference::slow_stats<Float>(pair.ref, pair.got);
  const DiffStats& want = twin.stats;
  CHECK_EQ(s.compared, want.compared);
  CHECK_EQ(s.unequal, want.unequal);
  CHECK_EQ(s.zero_ref_unequal, want.zero_ref_unequal);
  CHECK_EQ(s.max_ulp, want.max_ulp);
  CHECK_EQ(s.nan_ref, want.nan_ref);
  CHECK_EQ(s.nan_got, want.nan_got);
  CHECK_EQ(s.nan_both, want.nan_both);
  CHECK_EQ(s.nan_mismatch, want.nan_mismatch);
  CHECK_EQ(s.pos_inf_ref, want.pos_inf_ref);
  CHECK_EQ(s.neg_inf_ref, want.neg_inf_ref);
  CHECK_EQ(s.pos_inf_got, want.pos_inf_got);
  CHECK_EQ(s.neg_inf_got, want.neg_inf_got);
  CHECK_EQ(s.inf_mismatch, want.inf_mismatch);
  CHECK_EQ(s.first_nonfinite_mismatch, want.first_nonfinite_mismatch);
  CHECK_EQ(s.ref_min, want.ref_min);
  CHECK_EQ(s.ref_max, want.ref_max);
  CHECK_EQ(s.got_min, want.got_min);
  CHECK_EQ(s.got_max, want.got_max);
  CHECK(std::fabs(s.max_abs - want.max_abs) <= rounding * want.max_abs);
  // A quotient by a denormal may be infinite on both sides.
  CHECK(s.max_rel == want.max_rel ||
        std::fabs(s.max_rel - want.max_rel) <= 2 * rounding * want.max_rel);
  CHECK(near(s.sum_abs, twin.sum_abs, twin.sum_abs));
  CHECK(near(s.sum_sq, twin.sum_sq, twin.sum_sq));
  CHECK(near(s.ref_sq, twin.ref_sq, twin.ref_sq));
  CHECK(near(s.got_sq, twin.got_sq, twin.got_sq));
  CHECK(near(s.dot, twin.dot, std::sqrt(twin.ref_sq * twin.got_sq)));
  for (std::size_t bin = 1; bin < want.histogram.size(); ++bin) {
    CHECK_EQ(s.histogram[bin], want.histogram[bin]);
  }
}

template <class Float>
ByteView bytes_of(const std::vector<Float>& values) {
  return std::as_bytes(std::span(values));
}

template <class Float>
void check_pair(void (*add)(const Chunk&, DiffStats&) noexcept, const Pair<Float>& pair) {
  constexpr bool kSingle = sizeof(Float) == 4;
  DiffStats stats;
  add({kSingle ? Element::float32 : Element::float64, Packing::whole, bytes_of(pair.ref).data(),
       bytes_of(pair.got).data(), 0, pair.ref.size()},
      stats);
  check_twins(stats, pair, kSingle ? 0x1p-23 : 0x1p-52);
}

template <class Float>
void check_variant(void (*add)(const Chunk&, DiffStats&) noexcept) {
  for (const std::size_t count : {0U, 1U, 3U, 17U, 1023U, 1024U, 1025U, 5000U}) {
    for (const double odd : {0.0, 0.001, 0.3}) {
      const auto seed = static_cast<unsigned>(count);
      check_pair<Float>(add, make_pair<Float>(count, odd, seed));
      check_pair<Float>(add, make_ladder<Float>(count, odd, seed));
      auto huge = make_pair<Float>(count, odd, seed);  // beside NaN, a difference beyond a float
      if (count > 2) huge.ref[2] = 3e38F;
      if (count > 2) huge.got[2] = -2e38F;
      check_pair<Float>(add, huge);
    }
  }
}

TEST(baseline_is_as_its_twin) {
  check_variant<float>(baseline::add_chunk);
  check_variant<double>(baseline::add_chunk);
}

#ifdef POT_X86_TARGETS
TEST(avx2_is_as_its_twin) {
  if (!__builtin_cpu_supports("avx2")) return;
  check_variant<float>(avx2::add_chunk);
  check_variant<double>(avx2::add_chunk);
}

TEST(avx512_is_as_its_twin) {
  if (!__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq")) return;
  check_variant<float>(avx512::add_chunk);
  check_variant<double>(avx512::add_chunk);
}
#endif

TEST(the_number_of_threads_changes_nothing) {
  const auto pair = make_pair<float>(2'000'003, 0.0001, 5);
  const auto run = [&](unsigned threads) {
    return diff_stats(Element::float32, Packing::whole, bytes_of(pair.ref), bytes_of(pair.got),
                      pair.ref.size(), threads);
  };
  const DiffStats one = run(1), two = run(2);
  check_twins(two, pair, 0x1p-23);
  CHECK_EQ(one.sum_abs, two.sum_abs);
  CHECK_EQ(one.sum_sq, two.sum_sq);
  CHECK_EQ(one.dot, two.dot);
  CHECK_EQ(one.max_abs_index, two.max_abs_index);
  CHECK_EQ(one.max_rel_index, two.max_rel_index);
  CHECK_EQ(one.first_nonfinite_mismatch, two.first_nonfinite_mismatch);
  CHECK_EQ(two.count, pair.ref.size());
}

TEST(reads_at_any_address) {
  const auto pair = make_pair<double>(3000, 0.01, 7);
  const std::size_t size = pair.ref.size() * sizeof(double);
  std::vector<std::byte> ref(size + 1), got(size + 3);
  std::memcpy(ref.data() + 1, pair.ref.data(), size);
  std::memcpy(got.data() + 3, pair.got.data(), size);
  check_twins(diff_stats(Element::float64, Packing::whole, ByteView(ref).subspan(1),
                         ByteView(got).subspan(3), pair.ref.size()),
              pair, 0x1p-52);
}

// Exact-size heap blocks of random bits: a read behind the end is the sanitizer's to find.
TEST(every_element_stays_within_its_bytes) {
  std::mt19937 random(3);
  for (unsigned code = 0; code <= static_cast<unsigned>(Element::complex128); ++code) {
    const auto element = static_cast<Element>(code);
    for (const auto packing : {Packing::whole, Packing::packed}) {
      for (const std::size_t count : {0U, 1U, 2U, 1027U}) {
        const std::size_t size = (count * storage_bits(element, packing) + 7) / 8;
        std::vector<std::byte> ref(size), got(size);
        for (auto& byte : ref) byte = static_cast<std::byte>(random());
        for (auto& byte : got) byte = static_cast<std::byte>(random());
        const auto stats = diff_stats(element, packing, ref, got, count);
        CHECK_EQ(stats.compared + stats.nan_mismatch + stats.nan_both <= stats.count, true);
        const auto same = diff_stats(element, packing, ref, ref, count);
        CHECK_EQ(same.unequal, 0U);
        CHECK_EQ(same.max_ulp, 0U);
      }
    }
  }
}

}  // namespace
