// The fingerprint kernel against the formulas written down plainly, and what it promises.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "kernels/fingerprint.h"

namespace {

using namespace pot;
using namespace pot::kernels;

std::vector<float> normals(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> made(count);
  for (float& x : made) x = normal(random);
  return made;
}

Fingerprint print_of(const std::vector<float>& elements) {
  return fingerprint(Element::float32, std::as_bytes(std::span(elements)), elements.size());
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * (1 + std::abs(a)); }

TEST(every_statistic_is_what_its_formula_says) {
  for (const std::size_t count : {1u, 7u, 1024u, 1025u, 5000u}) {
    const auto elements = normals(count, static_cast<unsigned>(count));
    double sum = 0, sq = 0, squashed = 0, squashed_abs = 0, squashed_sq = 0, first = 0, second = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double x = elements[i];
      const double s = x / (1 + std::abs(x));
      sum += x;
      sq += x * x;
      squashed += s;
      squashed_abs += std::abs(s);
      squashed_sq += s * s;
      first += s * index_weight(i, 0);
      second += s * index_weight(i, 1);
    }
    const double n = static_cast<double>(count);
    const Fingerprint made = print_of(elements);
    CHECK_EQ(made.count, count);
    CHECK_EQ(made.min, double{*std::min_element(elements.begin(), elements.end())});
    CHECK_EQ(made.max, double{*std::max_element(elements.begin(), elements.end())});
    CHECK(close(made.mean, sum / n));
    CHECK(close(made.rms, std::sqrt(sq / n)));
    CHECK(close(made.squashed, squashed / n));
    CHECK(close(made.squashed_abs, squashed_abs / n));
    CHECK(close(made.squashed_sq, squashed_sq / n));
    CHECK(close(made.ordered[0], first / std::sqrt(n)));
    CHECK(close(made.ordered[1], second / std::sqrt(n)));
  }
}

TEST(another_order_changes_nothing_but_ordered) {
  auto elements = normals(4096, 3);
  const Fingerprint before = print_of(elements);
  std::rotate(elements.begin(), elements.begin() + 1024, elements.end());  // whole blocks
  const Fingerprint after = print_of(elements);
  CHECK_EQ(after.min, before.min);
  CHECK(close(after.mean, before.mean));
  CHECK(close(after.rms, before.rms));
  CHECK(close(after.squashed_abs, before.squashed_abs));
  CHECK(std::abs(after.ordered[0] - before.ordered[0]) > 0.01);
  CHECK(std::abs(after.ordered[1] - before.ordered[1]) > 0.01);
}

TEST(rounding_changes_little) {
  auto elements = normals(4096, 4);
  const Fingerprint before = print_of(elements);
  for (float& x : elements) x *= 1 + 1e-6F;
  const Fingerprint after = print_of(elements);
  CHECK(std::abs(after.mean - before.mean) < 1e-6);
  CHECK(std::abs(after.ordered[0] - before.ordered[0]) < 1e-6);
}

TEST(what_is_not_finite_or_masks_is_counted_and_left_out) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> odd{1, -2, std::nanf(""), inf, -inf, -3.4e38F};
  const Fingerprint made = print_of(odd);
  CHECK_EQ(made.nan, 1u);
  CHECK_EQ(made.huge_positive, 1u);
  CHECK_EQ(made.huge_negative, 2u);
  CHECK_EQ(made.min, -2.0);
  CHECK_EQ(made.max, 1.0);
  CHECK_EQ(made.mean, -0.5);
  CHECK_EQ(print_of({inf}).rms, 0.0);
  CHECK_EQ(print_of({}).count, 0u);
}

TEST(integers_count_as_the_numbers_that_they_are) {
  const std::vector<std::int64_t> wide{3, -4};
  const Fingerprint made = fingerprint(Element::int64, std::as_bytes(std::span(wide)), wide.size());
  CHECK_EQ(made.mean, -0.5);
  CHECK_EQ(made.rms, std::sqrt(12.5));
  CHECK(!has_fingerprint(Element::complex64));
}

}  // namespace
