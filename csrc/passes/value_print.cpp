#include "passes/value_print.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace pot {
namespace {

/// A second candidate must be this many times farther away than the nearest.
constexpr double kMargin = 20;
/// Distances up to this are all as good as none: rounding of the last bit.
constexpr double kLastBit = 2e-6;
/// An extreme is one element: it moves by this many times what a mean does.
constexpr double kExtremes = 10;

using kernels::Fingerprint;

double apart(double a, double b, double scale) {
  return scale > 0 ? std::abs(a - b) / scale : a == b ? 0.0 : kNotAlike;
}

double scale_of(const Fingerprint& numbers) {
  return std::max({std::abs(numbers.min), std::abs(numbers.max)});
}

double distance(const ValuePrint& ours, const ValuePrint& theirs) {
  const Fingerprint& a = ours.numbers;
  const Fingerprint& b = theirs.numbers;
  if (a.count != b.count || a.nan != b.nan || a.huge_positive != b.huge_positive ||
      a.huge_negative != b.huge_negative) {
    return kNotAlike;
  }
  const double rms = std::max(a.rms, b.rms);
  const double squashed = std::max(a.squashed_abs, b.squashed_abs);
  const double extremes = std::max(scale_of(a), scale_of(b)) * kExtremes;
  const double found = std::max({apart(a.min, b.min, extremes), apart(a.max, b.max, extremes),
                                 apart(a.mean, b.mean, rms), apart(a.rms, b.rms, rms),
                                 apart(a.squashed, b.squashed, squashed),
                                 apart(a.squashed_abs, b.squashed_abs, squashed),
                                 apart(a.squashed_sq, b.squashed_sq, squashed)});
  return found <= std::max(ours.tolerance, theirs.tolerance) ? found : kNotAlike;
}

struct Near {
  std::uint32_t index;
  double distance;
};

std::vector<std::uint32_t> nearest(std::vector<Near>& found) {
  double best = kNotAlike;
  for (const Near& near : found) best = std::min(best, near.distance);
  const double limit = std::max(kMargin * best, kLastBit);
  std::vector<std::uint32_t> kept;
  for (const Near& near : found) {
    if (near.distance <= limit) kept.push_back(near.index);
  }
  return kept;
}

}  // namespace

double distance(const ValuePrints& ours, const ValuePrints& theirs) {
  const std::size_t samples = std::min(ours.size(), theirs.size());
  double worst = samples == 0 ? kNotAlike : 0.0;
  for (std::size_t i = 0; i < samples; ++i) {
    worst = std::max(worst, distance(ours[i], theirs[i]));
  }
  return worst;
}

bool same_form(const ValuePrints& ours, const ValuePrints& theirs) {
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    const ValuePrint& a = ours[i];
    const ValuePrint& b = theirs[i];
    if (a.dims != b.dims) return false;
    const double scale = std::max(a.numbers.squashed_abs, b.numbers.squashed_abs);
    const double limit = std::max(a.tolerance, b.tolerance);
    for (std::size_t row = 0; row < a.numbers.ordered.size(); ++row) {
      if (apart(a.numbers.ordered[row], b.numbers.ordered[row], scale) > limit) return false;
    }
  }
  return true;
}

NearValues near_values(std::span<const ValuePrints* const> ours,
                       std::span<const ValuePrints* const> theirs) {
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_count;
  for (std::uint32_t a = 0; a < ours.size(); ++a) {
    if (ours[a] && !ours[a]->empty()) by_count[ours[a]->front().numbers.count].push_back(a);
  }
  std::vector<std::vector<Near>> of_ours(ours.size());
  NearValues made{.of_theirs = std::vector<std::vector<std::uint32_t>>(theirs.size()),
                  .of_ours = std::vector<std::vector<std::uint32_t>>(ours.size())};
  for (std::uint32_t b = 0; b < theirs.size(); ++b) {
    if (!theirs[b] || theirs[b]->empty()) continue;
    const auto bucket = by_count.find(theirs[b]->front().numbers.count);
    if (bucket == by_count.end()) continue;
    std::vector<Near> found;
    for (const std::uint32_t a : bucket->second) {
      const double between = distance(*ours[a], *theirs[b]);
      if (between == kNotAlike) continue;
      found.push_back({a, between});
      of_ours[a].push_back({b, between});
    }
    made.of_theirs[b] = nearest(found);
  }
  for (std::uint32_t a = 0; a < ours.size(); ++a) made.of_ours[a] = nearest(of_ours[a]);
  return made;
}

}  // namespace pot
