#include "wire/writer.h"

#include <array>
#include <cstring>

namespace pot {
namespace {

// Below this a copy is cheaper than a piece of its own.
constexpr std::size_t kCopyBelow = 512;
// Small pieces are joined up to this size before they are handed out.
constexpr std::size_t kJoin = std::size_t{1} << 20;

struct Varint {
  std::array<std::byte, 10> bytes{};
  std::size_t size = 0;
};

Varint encode(std::uint64_t value) noexcept {
  Varint out;
  while (value >= 0x80) {
    out.bytes[out.size++] = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  out.bytes[out.size++] = static_cast<std::byte>(value);
  return out;
}

}  // namespace

void Writer::append(ByteView bytes) {
  if (bytes.empty()) return;
  const std::uint64_t begin = arena_.size();
  arena_.append(as_text(bytes));
  size_ += bytes.size();
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    if (last.data == nullptr && last.size != 0 && last.begin + last.size == begin) {
      last.size += bytes.size();
      return;
    }
  }
  pieces_.push_back({nullptr, begin, bytes.size()});
}

void Writer::varint(std::uint64_t value) {
  const Varint encoded = encode(value);
  append(ByteView(encoded.bytes).first(encoded.size));
}

void Writer::uint64(Field field, std::uint64_t value) {
  varint(varint_tag(field));
  varint(value);
}

void Writer::float32(Field field, float value) {
  varint(fixed32_tag(field));
  std::array<std::byte, sizeof value> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  append(bytes);
}

void Writer::bytes(Field field, ByteView value) {
  varint(len_tag(field));
  varint(value.size());
  verbatim(value);
}

void Writer::verbatim(ByteView bytes) {
  if (bytes.size() < kCopyBelow) return append(bytes);
  pieces_.push_back({bytes.data(), 0, bytes.size()});
  size_ += bytes.size();
}

std::size_t Writer::open(Field field) {
  varint(len_tag(field));
  pieces_.push_back({});  // the length, known when the payload is
  return pieces_.size() - 1;
}

void Writer::close(std::size_t slot, std::uint64_t length) {
  const Varint encoded = encode(length);
  const auto begin = arena_.size();
  arena_.append(as_text(ByteView(encoded.bytes).first(encoded.size)));
  pieces_[slot] = {nullptr, begin, encoded.size};
  size_ += encoded.size;
}

Status Writer::drain(const std::function<Status(ByteView)>& sink) const {
  std::string joined;
  for (const Piece& piece : pieces_) {
    const auto* data =
        piece.data ? piece.data : reinterpret_cast<const std::byte*>(arena_.data()) + piece.begin;
    const ByteView bytes(data, static_cast<std::size_t>(piece.size));
    const bool large = bytes.size() >= kJoin;
    if (!large) joined += as_text(bytes);
    if (joined.size() >= kJoin || (large && !joined.empty())) {
      if (auto status = sink(as_bytes(joined)); !status) return status;
      joined.clear();
    }
    if (large) {
      if (auto status = sink(bytes); !status) return status;
    }
  }
  return joined.empty() ? ok_status() : sink(as_bytes(joined));
}

std::string Writer::to_string() const {
  std::string out;
  out.reserve(static_cast<std::size_t>(size_));
  // The sink never fails.
  (void)drain([&out](ByteView bytes) -> Status {
    out += as_text(bytes);
    return ok_status();
  });
  return out;
}

}  // namespace pot
