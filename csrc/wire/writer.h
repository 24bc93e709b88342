#pragma once
// Writes the protobuf wire format as a list of pieces: long spans are referred to, not copied.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "wire/tag.h"

namespace pot {

/// Collects a message. What is given as a view must live until the pieces have been written.
class Writer {
 public:
  void uint64(Field field, std::uint64_t value);
  void int64(Field field, std::int64_t value) { uint64(field, static_cast<std::uint64_t>(value)); }
  /// Negative numbers take 10 bytes, as in protobuf.
  void int32(Field field, std::int32_t value) { int64(field, value); }
  void float32(Field field, float value);
  void bytes(Field field, ByteView value);
  void text(Field field, std::string_view value) { bytes(field, as_bytes(value)); }

  /// A length-delimited field whose payload `body` writes.
  template <class Body>
  void message(Field field, Body&& body) {
    const std::size_t slot = open(field);
    const std::uint64_t before = size_;
    body();
    close(slot, size_ - before);
  }

  /// Bytes that are already in wire format.
  void verbatim(ByteView bytes);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Hands out everything in order, in spans of any length. Stops at the first error.
  Status drain(const std::function<Status(ByteView)>& sink) const;
  [[nodiscard]] std::string to_string() const;

 private:
  /// A view of somebody's bytes, or a range of the arena (data == nullptr).
  struct Piece {
    const std::byte* data = nullptr;
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
  };

  void varint(std::uint64_t value);
  void append(ByteView bytes);
  [[nodiscard]] std::size_t open(Field field);
  void close(std::size_t slot, std::uint64_t length);

  std::string arena_;
  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

}  // namespace pot
