#include "kernels/fingerprint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/widen.h"

namespace pot::kernels {
namespace {

constexpr std::size_t kBlock = 1024;
constexpr std::size_t kLanes = 4;
constexpr double kHuge = 1e30;

/// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t scramble(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

double uniform(std::uint64_t x) noexcept {
  return static_cast<double>(scramble(x) >> 11) * 0x1p-52 - 1.0;
}

/// The weights of a block are these times a number of its own.
using Rows = std::array<std::array<double, kBlock>, 2>;
const Rows& block_weights() noexcept {
  static const Rows weights = [] {
    Rows made;
    for (std::size_t i = 0; i < 2 * kBlock; ++i) made[i / kBlock][i % kBlock] = uniform(i);
    return made;
  }();
  return weights;
}

double block_factor(std::uint64_t block, std::size_t row) noexcept {
  return uniform(~(2 * block + row));
}

double total(const std::array<double, kLanes>& lanes) noexcept {
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

class Accumulator {
 public:
  Accumulator() noexcept {
    low_.fill(std::numeric_limits<double>::infinity());
    high_.fill(-std::numeric_limits<double>::infinity());
  }

  /// Pre: up to kBlock elements; every block but the last is full.
  void add(std::span<double> block) noexcept {
    std::size_t odd = 0;
    for (const double x : block) odd += std::abs(x) <= kHuge ? 0 : 1;
    if (odd == 0 && block.size() == kBlock) {
      take<true>(block.data(), kBlock);
    } else {
      add_slowly(block);
    }
    for (std::size_t row = 0; row < 2; ++row) {
      ordered_[row] += block_factor(blocks_, row) * ordered_in_block_[row];
    }
    ++blocks_;
  }

  Fingerprint result(std::uint64_t count) noexcept {
    made_.count = count;
    const std::uint64_t aside = made_.nan + made_.huge_positive + made_.huge_negative;
    const double taken = static_cast<double>(count - aside);
    if (taken == 0) return made_;
    made_.min = *std::min_element(low_.begin(), low_.end());
    made_.max = *std::max_element(high_.begin(), high_.end());
    made_.mean = sum_ / taken;
    made_.rms = std::sqrt(sum_sq_ / taken);
    made_.squashed = squashed_ / taken;
    made_.squashed_abs = squashed_abs_ / taken;
    made_.squashed_sq = squashed_sq_ / taken;
    for (std::size_t row = 0; row < 2; ++row) {
      made_.ordered[row] = ordered_[row] / std::sqrt(static_cast<double>(count));
    }
    return made_;
  }

 private:
  using Lanes = std::array<double, kLanes>;

  /// A block with elements that are counted only, or one that is not full. Zeros stand for what
  /// enters no sum; they are no extremes.
  void add_slowly(std::span<double> block) noexcept {
    std::array<double, kBlock> padded{};
    for (std::size_t i = 0; i < block.size(); ++i) {
      const double x = block[i];
      if (std::abs(x) <= kHuge) {
        padded[i] = x;
        low_[i % kLanes] = std::min(low_[i % kLanes], x);
        high_[i % kLanes] = std::max(high_[i % kLanes], x);
      } else {
        ++(std::isnan(x) ? made_.nan : x > 0 ? made_.huge_positive : made_.huge_negative);
      }
    }
    take<false>(padded.data(), (block.size() + kLanes - 1) / kLanes * kLanes);
  }

  template <bool kExtremes>
  void take(const double* block, std::size_t end) noexcept {
    const auto& weights = block_weights();
    Lanes sum{}, sum_sq{}, squashed{}, squashed_abs{}, squashed_sq{}, first{}, second{};
    Lanes low = low_, high = high_;
    for (std::size_t i = 0; i < end; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double x = block[i + lane];
        const double s = x / (1.0 + std::abs(x));
        sum[lane] += x;
        sum_sq[lane] += x * x;
        squashed[lane] += s;
        squashed_abs[lane] += std::abs(s);
        squashed_sq[lane] += s * s;
        first[lane] += s * weights[0][i + lane];
        second[lane] += s * weights[1][i + lane];
        if constexpr (kExtremes) {
          low[lane] = x < low[lane] ? x : low[lane];
          high[lane] = x > high[lane] ? x : high[lane];
        }
      }
    }
    sum_ += total(sum);
    sum_sq_ += total(sum_sq);
    squashed_ += total(squashed);
    squashed_abs_ += total(squashed_abs);
    squashed_sq_ += total(squashed_sq);
    ordered_in_block_ = {total(first), total(second)};
    low_ = low;
    high_ = high;
  }

  Fingerprint made_;
  Lanes low_, high_;
  double sum_ = 0, sum_sq_ = 0, squashed_ = 0, squashed_abs_ = 0, squashed_sq_ = 0;
  std::array<double, 2> ordered_in_block_{}, ordered_{};
  std::uint64_t blocks_ = 0;
};

template <class Raw>
void cast_block(ByteView bytes, std::span<double> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Raw raw;
    std::memcpy(&raw, bytes.data() + i * sizeof(Raw), sizeof(Raw));
    out[i] = static_cast<double>(raw);
  }
}

void read_block(Element element, ByteView bytes, std::span<double> out) noexcept {
  switch (element) {
    case Element::float64:
      return cast_block<double>(bytes, out);
    case Element::int32:
      return cast_block<std::int32_t>(bytes, out);
    case Element::int64:
      return cast_block<std::int64_t>(bytes, out);
    case Element::uint32:
      return cast_block<std::uint32_t>(bytes, out);
    case Element::uint64:
      return cast_block<std::uint64_t>(bytes, out);
    default:
      break;
  }
  std::array<float, kBlock> floats;
  widen(element, Packing::whole, bytes, std::span(floats).first(out.size()));
  std::copy_n(floats.begin(), out.size(), out.begin());
}

}  // namespace

bool has_fingerprint(Element element) noexcept {
  return element != Element::complex64 && element != Element::complex128;
}

double index_weight(std::uint64_t index, std::size_t row) noexcept {
  return block_weights()[row][index % kBlock] * block_factor(index / kBlock, row);
}

Fingerprint fingerprint(Element element, ByteView bytes, std::uint64_t count) noexcept {
  Accumulator accumulator;
  std::array<double, kBlock> block;
  const std::size_t width = storage_bits(element, Packing::whole) / 8;
  for (std::uint64_t done = 0; done < count; done += kBlock) {
    const std::span<double> part =
        std::span(block).first(std::min<std::uint64_t>(kBlock, count - done));
    read_block(element, bytes.subspan(done * width, part.size() * width), part);
    accumulator.add(part);
  }
  return accumulator.result(count);
}

}  // namespace pot::kernels
