#pragma once
// A pull reader of the protobuf wire format over bytes that live elsewhere.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "wire/tag.h"

namespace pot {

/// Messages inside messages; the limit of protobuf itself, so what it reads, this reads.
inline constexpr int kMaxNesting = 100;

/// What all readers of one document share: where it is from, and the first error.
struct Document {
  std::string file;  ///< for messages; empty when from memory
  ByteView bytes;
  std::optional<Error> error;
};

/// Reads one message, field by field. The first error of a document ends all its readers: `next`
/// gives false and `ok` says which it was. A field whose wire type is not the declared one is an
/// unknown field, as in protobuf: so parsers switch on `tag()`.
///
/// A reader refers to the one it was made from and must not outlive it.
class Reader {
 public:
  Reader(Document& document, const char* message) noexcept
      : document_(document), bytes_(document.bytes), name_(message) {}
  Reader(Document&&, const char*) = delete;

  /// Moves to the next field. False at the end of the message and after an error.
  [[nodiscard]] bool next();
  [[nodiscard]] bool ok() const noexcept { return !document_.error; }

  [[nodiscard]] std::uint32_t tag() const noexcept { return tag_; }
  [[nodiscard]] std::uint32_t number() const noexcept { return tag_ >> 3; }
  /// The whole field, tag included.
  [[nodiscard]] ByteView field() const noexcept { return field_; }
  /// Everything that this reader reads.
  [[nodiscard]] ByteView message() const noexcept { return bytes_; }

  // Pre: the field has this wire type.
  [[nodiscard]] std::uint64_t uint64() const noexcept { return value_; }
  [[nodiscard]] std::int64_t int64() const noexcept { return static_cast<std::int64_t>(value_); }
  [[nodiscard]] std::int32_t int32() const noexcept { return static_cast<std::int32_t>(value_); }
  [[nodiscard]] float float32() const noexcept;
  [[nodiscard]] ByteView payload() const noexcept { return payload_; }
  [[nodiscard]] std::string_view text() const noexcept { return as_text(payload_); }

  /// A reader of the message in the current field. `index` counts repeated fields; -1 for others.
  [[nodiscard]] Reader nested(Field field, std::ptrdiff_t index = -1);

  /// Appends the elements of a repeated field, whether it is packed or one element.
  void int64s(Field field, std::vector<std::int64_t>& out);
  void floats(Field field, std::vector<float>& out);

  /// Records an error at the start of the current field.
  void fail(Error::Kind kind, std::string message, std::string_view field = {});

 private:
  Reader(Reader& parent, ByteView bytes, const char* name, std::ptrdiff_t index) noexcept
      : document_(parent.document_),
        bytes_(bytes),
        parent_(&parent),
        name_(name),
        index_(index),
        depth_(parent.depth_ + 1) {}

  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }
  [[nodiscard]] bool read_varint(std::uint64_t& value, const char* what);
  [[nodiscard]] bool read_payload(WireType type);
  [[nodiscard]] bool skip_group(std::uint32_t number);
  bool fail_at(std::size_t at, std::string message);

  Document& document_;
  ByteView bytes_;
  const Reader* parent_ = nullptr;
  const char* name_;
  std::ptrdiff_t index_ = -1;
  int depth_ = 0;
  std::size_t at_ = 0;
  std::uint32_t tag_ = 0;
  std::uint64_t value_ = 0;
  ByteView payload_;
  ByteView field_;
};

/// Reads a varint at the start of `bytes` and cuts it off. False when it is malformed.
[[nodiscard]] bool take_varint(ByteView& bytes, std::uint64_t& value) noexcept;

}  // namespace pot
