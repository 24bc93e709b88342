#pragma once
// What every message of a model keeps from the file that it was read from.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace pot {

/// A string field with presence: ONNX is proto2, so `name: ""` is not the same as no name.
struct Text {
  std::string value;
  bool present = false;

  Text() = default;
  Text(std::string text) : value(std::move(text)), present(true) {}
  Text(std::string_view text) : value(text), present(true) {}
  Text(const char* text) : value(text), present(true) {}

  [[nodiscard]] bool empty() const noexcept { return value.empty(); }
  operator std::string_view() const noexcept { return value; }
  friend bool operator==(const Text& a, std::string_view b) noexcept { return a.value == b; }
  friend bool operator==(const Text& a, const std::string& b) noexcept { return a.value == b; }
  friend bool operator==(const Text& a, const Text& b) noexcept { return a.value == b.value; }
  friend bool operator==(const Text& a, const char* b) noexcept { return a.value == b; }
};

/// Whole fields (tag included) that are not modelled, in file order, written back as they are.
/// Copies share the list.
class Rest {
 public:
  [[nodiscard]] bool empty() const noexcept { return !fields_ || fields_->empty(); }
  [[nodiscard]] std::span<const Bytes> spans() const noexcept {
    return fields_ ? std::span<const Bytes>(*fields_) : std::span<const Bytes>();
  }

  /// Adds one field. A span that continues the last one is joined to it.
  void append(const Bytes& field);

  /// The same without the fields of this number. Pre: the spans were read by the loader.
  [[nodiscard]] Rest without(std::uint32_t number) const;

 private:
  std::shared_ptr<std::vector<Bytes>> fields_;
};

/// Base of everything that is read from and written to the wire.
struct Message {
  /// The bytes that this message was read from. They are its truth until an edit clears them;
  /// without them it is written anew from its fields, in field-number order, then `rest`.
  std::optional<Bytes> source;
  Rest rest;
};

using MetadataEntry = std::pair<std::string, std::string>;

/// `metadata_props` lives in `rest`: read on demand, replaced as a whole.
[[nodiscard]] std::vector<MetadataEntry> read_metadata(const Rest& rest, std::uint32_t number);
[[nodiscard]] Rest with_metadata(const Rest& rest, std::uint32_t number,
                                 std::span<const MetadataEntry> entries);

}  // namespace pot
