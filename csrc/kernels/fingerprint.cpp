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
constexpr std::size_t kLanes = 8;
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
    const std::size_t size = block.size();
    std::array<double, kBlock> padded;
    set_aside(block);
    std::copy(block.begin(), block.end(), padded.begin());
    const std::size_t end = (size + kLanes - 1) / kLanes * kLanes;
    std::fill(padded.begin() + static_cast<std::ptrdiff_t>(size),
              padded.begin() + static_cast<std::ptrdiff_t>(end), 0.0);
    take(padded, end);
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
    made_.mean = total(sum_) / taken;
    made_.rms = std::sqrt(total(sum_sq_) / taken);
    made_.squashed = total(squashed_) / taken;
    made_.squashed_abs = total(squashed_abs_) / taken;
    made_.squashed_sq = total(squashed_sq_) / taken;
    for (std::size_t row = 0; row < 2; ++row) {
      made_.ordered[row] = ordered_[row] / std::sqrt(static_cast<double>(count));
    }
    return made_;
  }

 private:
  using Lanes = std::array<double, kLanes>;

  /// Counts what is not to be summed, and takes extremes of the rest. What is set aside becomes 0.
  void set_aside(std::span<double> block) noexcept {
    for (std::size_t i = 0; i < block.size(); ++i) {
      double& x = block[i];
      if (std::abs(x) <= kHuge) [[likely]] {
        low_[i % kLanes] = std::min(low_[i % kLanes], x);
        high_[i % kLanes] = std::max(high_[i % kLanes], x);
        continue;
      }
      ++(std::isnan(x) ? made_.nan : x > 0 ? made_.huge_positive : made_.huge_negative);
      x = 0;
    }
  }

  void take(const std::array<double, kBlock>& block, std::size_t end) noexcept {
    const auto& weights = block_weights();
    Lanes first{}, second{};
    for (std::size_t i = 0; i < end; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double x = block[i + lane];
        const double magnitude = std::abs(x);
        const double squashed = x / (1.0 + magnitude);
        sum_[lane] += x;
        sum_sq_[lane] += x * x;
        squashed_[lane] += squashed;
        squashed_abs_[lane] += std::abs(squashed);
        squashed_sq_[lane] += squashed * squashed;
        first[lane] += squashed * weights[0][i + lane];
        second[lane] += squashed * weights[1][i + lane];
      }
    }
    ordered_in_block_ = {total(first), total(second)};
  }

  Fingerprint made_;
  Lanes low_, high_, sum_{}, sum_sq_{}, squashed_{}, squashed_abs_{}, squashed_sq_{};
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
