#include "kernels/diff_stats.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

#include "kernels/diff_chunk.h"

namespace pot::kernels {
namespace {

using AddChunk = void (*)(const Chunk&, DiffStats&) noexcept;

AddChunk fastest() noexcept {
#ifdef POT_X86_TARGETS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return avx512::add_chunk;
  }
  if (__builtin_cpu_supports("avx2")) return avx2::add_chunk;
#endif
  return baseline::add_chunk;
}

// A function of the count alone, so that the order of summation is one too.
constexpr std::uint64_t kMaxChunks = 64;
constexpr std::uint64_t kMinChunk = 64 * kBlock;

// Below this a thread takes longer to start than it saves.
constexpr std::uint64_t kThreadBits = std::uint64_t{8} << 20 << 3;

std::uint64_t chunk_size(std::uint64_t count) noexcept {
  const std::uint64_t size = std::max(kMinChunk, (count + kMaxChunks - 1) / kMaxChunks);
  return (size + kBlock - 1) / kBlock * kBlock;
}

// What a chunk has to beat to be of interest. The maxima come from elements before it, which win
// where they are equal, so the result stays that of the chunks alone.
void carry_maxima(const DiffStats& before, DiffStats& part) noexcept {
  part.max_abs = before.max_abs;
  part.max_abs_index = before.max_abs_index;
  part.max_rel = before.max_rel;
  part.max_rel_index = before.max_rel_index;
  part.max_ulp = before.max_ulp;
}

struct Work {
  Chunk whole;
  std::uint64_t chunk_size;
  std::uint64_t chunks;
  AddChunk add;
  std::atomic<std::uint64_t> next{0};
  std::array<DiffStats, kMaxChunks> parts{};

  void run() noexcept {
    const unsigned bits = storage_bits(whole.element, whole.packing);
    const DiffStats* before = nullptr;
    for (std::uint64_t i = next.fetch_add(1); i < chunks; i = next.fetch_add(1)) {
      if (before != nullptr) carry_maxima(*before, parts[i]);
      before = &parts[i];
      const std::uint64_t first = i * chunk_size;
      const std::uint64_t offset = first * bits / 8;
      add({whole.element, whole.packing, whole.ref + offset, whole.got + offset, first,
           std::min(chunk_size, whole.count - first)},
          parts[i]);
    }
  }
};

void merge_counts(DiffStats& all, const DiffStats& part) noexcept {
  all.compared += part.compared;
  all.unequal += part.unequal;
  all.zero_ref_unequal += part.zero_ref_unequal;
  all.nan_ref += part.nan_ref;
  all.nan_got += part.nan_got;
  all.nan_both += part.nan_both;
  all.nan_mismatch += part.nan_mismatch;
  all.pos_inf_ref += part.pos_inf_ref;
  all.neg_inf_ref += part.neg_inf_ref;
  all.pos_inf_got += part.pos_inf_got;
  all.neg_inf_got += part.neg_inf_got;
  all.inf_mismatch += part.inf_mismatch;
  for (std::size_t i = 0; i < all.histogram.size(); ++i) all.histogram[i] += part.histogram[i];
}

// Pre: parts come in the order of their elements, so the first of equal maxima stays.
void merge(DiffStats& all, const DiffStats& part) noexcept {
  merge_counts(all, part);
  if (part.max_abs > all.max_abs) {
    all.max_abs = part.max_abs;
    all.max_abs_index = part.max_abs_index;
  }
  if (part.max_rel > all.max_rel) {
    all.max_rel = part.max_rel;
    all.max_rel_index = part.max_rel_index;
  }
  all.sum_abs += part.sum_abs;
  all.sum_sq += part.sum_sq;
  all.ref_sq += part.ref_sq;
  all.got_sq += part.got_sq;
  all.dot += part.dot;
  all.max_ulp = std::max(all.max_ulp, part.max_ulp);
  all.first_nonfinite_mismatch =
      std::min(all.first_nonfinite_mismatch, part.first_nonfinite_mismatch);
  all.ref_min = std::min(all.ref_min, part.ref_min);
  all.ref_max = std::max(all.ref_max, part.ref_max);
  all.got_min = std::min(all.got_min, part.got_min);
  all.got_max = std::max(all.got_max, part.got_max);
}

}  // namespace

DiffStats diff_stats(Element element, Packing packing, ByteView ref, ByteView got,
                     std::uint64_t count, unsigned threads) noexcept {
  static const AddChunk add = fastest();
  const std::uint64_t size = chunk_size(count);
  Work work{
      {element, packing, ref.data(), got.data(), 0, count}, size, (count + size - 1) / size, add};
  const bool pays = threads > 1 && count * storage_bits(element, packing) * 2 >= kThreadBits &&
                    std::thread::hardware_concurrency() > 1;  // this reads a file
  std::thread second;
  if (pays) {
    try {
      second = std::thread([&work] { work.run(); });
    } catch (const std::system_error&) {
      // No thread to be had: this one does it all, with the same result.
    }
  }
  work.run();
  if (second.joinable()) second.join();

  DiffStats all;
  all.count = count;
  for (std::uint64_t i = 0; i < work.chunks; ++i) merge(all, work.parts[i]);
  // The chunks count only differences.
  all.histogram[0] = all.compared;
  for (std::size_t i = 1; i < all.histogram.size(); ++i) all.histogram[0] -= all.histogram[i];
  return all;
}

}  // namespace pot::kernels
