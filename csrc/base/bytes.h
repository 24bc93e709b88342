#pragma once
// Views of bytes that live elsewhere, and the owner that keeps them alive.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace pot {

static_assert(sizeof(std::size_t) == 8, "models over 4 GB are mapped whole: 64-bit only");

using ByteView = std::span<const std::byte>;

/// Whatever must stay alive while a view is used: a mapped file, a buffer, a Python object.
using Owner = std::shared_ptr<const void>;

/// A view together with its owner. Copying it copies neither.
struct Bytes {
  ByteView view;
  Owner owner;
};

[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace pot
