#pragma once
// The inner part of diff_stats, compiled once for each instruction set. Internal to kernels/.

#include "kernels/diff_stats.h"

namespace pot::kernels {

/// A run of elements of both tensors. `first` is the index of the run's first element.
struct Chunk {
  Element element;
  Packing packing;
  const std::byte* ref;
  const std::byte* got;
  std::uint64_t first;
  std::uint64_t count;
};

/// Elements that are worked on together while they lie in the first-level cache.
inline constexpr std::size_t kBlock = 1024;

#if defined(__x86_64__) && defined(__GNUC__)
#define POT_X86_TARGETS 1
namespace avx512 {
void add_chunk(const Chunk& chunk, DiffStats& stats) noexcept;
}
namespace avx2 {
void add_chunk(const Chunk& chunk, DiffStats& stats) noexcept;
}
#endif
namespace baseline {
void add_chunk(const Chunk& chunk, DiffStats& stats) noexcept;
}

}  // namespace pot::kernels
