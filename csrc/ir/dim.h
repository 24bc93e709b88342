#pragma once
// One dimension of a declared shape.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ir/message.h"

namespace pot {

/// A number, a symbol (a name or an expression such as "batch*4"), or unknown (monostate).
struct Dim {
  std::variant<std::monostate, std::int64_t, std::string> value;
  Text denotation;
  Rest rest;

  Dim() = default;
  Dim(std::int64_t number) : value(number) {}
  Dim(std::string symbol) : value(std::move(symbol)) {}

  [[nodiscard]] bool known() const noexcept { return value.index() == 1; }
  [[nodiscard]] bool symbolic() const noexcept { return value.index() == 2; }
  [[nodiscard]] std::optional<std::int64_t> number() const {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    return std::nullopt;
  }
  /// The symbol, or nullptr.
  [[nodiscard]] const std::string* symbol() const { return std::get_if<std::string>(&value); }

  /// Same number or same symbol; two unknowns are not known to be equal, so they are not.
  [[nodiscard]] bool same_as(const Dim& other) const {
    return value.index() != 0 && value == other.value;
  }
};

/// A shape whose rank is known. A shape of unknown rank is no Shape at all (std::optional).
struct Shape {
  std::vector<Dim> dims;
  Rest rest;

  [[nodiscard]] std::size_t rank() const noexcept { return dims.size(); }
  /// All numbers, or nothing when one dimension is symbolic or unknown.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> numbers() const;
};

}  // namespace pot
