#pragma once
// The type of a value: tensor, sparse tensor, sequence, optional, map or opaque.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/dim.h"
#include "ir/dtype.h"
#include "ir/message.h"

namespace pot {

struct Type;
/// Types are shared and never change; an edit replaces the type of a value.
using TypeRef = std::shared_ptr<const Type>;

struct Type : Message {
  enum class Kind { none, tensor, sparse_tensor, sequence, optional, map, opaque };

  Kind kind = Kind::none;
  /// Element type of a (sparse) tensor, key type of a map.
  std::optional<std::int32_t> elem;
  /// Of a (sparse) tensor; nothing when even the rank is unknown.
  std::optional<Shape> shape;
  /// Element type of a sequence or optional, value type of a map. May be null.
  TypeRef inner;
  Text opaque_domain;
  Text opaque_name;
  Text denotation;
  /// Unknown fields of the message inside (TypeProto.Tensor and so on).
  Rest inner_rest;

  [[nodiscard]] DType dtype() const noexcept { return DType{elem.value_or(0)}; }
  [[nodiscard]] bool is_tensor() const noexcept { return kind == Kind::tensor; }
};

/// A tensor type; without a shape its rank is unknown.
[[nodiscard]] TypeRef tensor_type(DType dtype, std::optional<std::vector<Dim>> dims);

/// The type of "float32", "sequence(float32)" or "optional(sequence(int64))", of unknown rank; null
/// for any other text.
[[nodiscard]] TypeRef type_named(std::string_view text);

/// "float32[1, batch, ?]", "float32[...]" for an unknown rank, "sequence(int64[...])", "unknown".
[[nodiscard]] std::string type_text(const Type* type);

}  // namespace pot
