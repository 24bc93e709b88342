#pragma once
// Errors as values. An Error is the user's (a file, a byte, a name); a bug is an assert.

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace pot {

struct Error {
  enum class Kind {
    io,         ///< the file system said no
    malformed,  ///< bytes that are not what they should be
    unsafe,     ///< external data that leaves the model's folder
    invalid,    ///< an edit that the graph does not allow
    request,    ///< what was asked for makes no sense for this model: a name, a size
    refused,    ///< a rewrite that would not be the same
  };
  Kind kind = Kind::invalid;
  std::string message{};  ///< what was found, what was expected, what to do
  std::string file{};     ///< empty when the bytes came from memory
  std::optional<std::uint64_t> offset{};
  std::string field{};  ///< e.g. "GraphProto.node[12].attribute[0].t"; empty when no field is meant

  /// "m.onnx: byte 1204 (GraphProto.node[12]): truncated: 4096 bytes announced, 17 left"
  [[nodiscard]] std::string text() const {
    std::string out;
    if (!file.empty()) out += file + ": ";
    if (offset) out += "byte " + std::to_string(*offset) + (field.empty() ? ": " : " ");
    if (!field.empty()) out += "(" + field + "): ";
    return out + message;
  }
};

/// A value or the Error that kept it from being made.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  [[nodiscard]] T& value() & { return assert(ok()), std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return assert(ok()), std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return assert(ok()), std::get<0>(std::move(state_)); }
  [[nodiscard]] const Error& error() const { return assert(!ok()), std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

/// Nothing, or an Error.
using Status = Result<std::monostate>;
[[nodiscard]] inline Status ok_status() { return std::monostate{}; }

}  // namespace pot
