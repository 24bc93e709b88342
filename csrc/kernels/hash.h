#pragma once
// A fast hash of content, to pair weights by what they hold. Not for secrets.

#include <cstdint>

#include "base/bytes.h"

namespace pot::kernels {

/// XXH64 (Yann Collet, public specification) of the bytes. The same on every machine. Equal hashes
/// of unequal bytes are possible: compare the bytes before relying on it.
[[nodiscard]] std::uint64_t hash_bytes(ByteView bytes, std::uint64_t seed = 0) noexcept;

}  // namespace pot::kernels
