#pragma once
// What is known of a value before the model runs: its type, its shape, sometimes its elements.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/dtype.h"
#include "ir/expr.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace pot {

using Dims = std::vector<Expr>;
using Elements = std::shared_ptr<const std::vector<Expr>>;  ///< row-major; null: not known

/// Elements are tracked one by one up to this many: shapes, axes, masks of shape arithmetic.
inline constexpr std::uint64_t kMostElements = 1024;
/// Fewer of a floating-point constant: scales and factors, not weights.
inline constexpr std::uint64_t kMostFloats = 64;

struct Fact {
  enum class Kind { unknown, tensor, sequence, optional, other };

  Kind kind = Kind::unknown;
  DType dtype = DType::undefined;  ///< of a tensor; undefined when not known
  std::optional<Dims> dims;        ///< of a tensor; nothing when even the rank is not known
  Elements elements;               ///< computed elements of a tensor whose dims are all numbers
  TensorRef constant;              ///< the whole tensor, when it is a constant of the graph

  /// Of a sequence whose length is known: what each item is. Null otherwise.
  std::shared_ptr<const std::vector<Fact>> items;
  /// Of a sequence: what is true of every item. Of an optional: of its content. May be null.
  std::shared_ptr<const Fact> inner;
  /// Of Kind::other (maps, opaque, sparse tensors): the declared type.
  TypeRef type;

  [[nodiscard]] bool is_tensor() const noexcept { return kind == Kind::tensor; }
  [[nodiscard]] bool has_rank() const noexcept { return is_tensor() && dims.has_value(); }
  /// Pre: has_rank().
  [[nodiscard]] std::size_t rank() const noexcept { return dims->size(); }
  /// All dims as numbers, or nothing.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> numbers() const;
  /// Product of the dims. Pre: has_rank().
  [[nodiscard]] Expr count() const;
};

/// A tensor of known rank.
[[nodiscard]] Fact tensor_fact(DType dtype, Dims dims);
/// A tensor of unknown rank.
[[nodiscard]] Fact tensor_fact(DType dtype);
/// A tensor whose elements are known. Pre: as many as `dims` say.
[[nodiscard]] Fact tensor_fact(DType dtype, std::vector<std::int64_t> dims,
                               std::vector<Expr> elements);
/// The same tensor type without elements or constant: what an operator that changes values gives.
[[nodiscard]] Fact without_elements(const Fact& fact);
/// A constant of the graph.
[[nodiscard]] Fact constant_fact(TensorRef tensor);
/// A sequence of items that are all known.
[[nodiscard]] Fact sequence_fact(std::vector<Fact> items);
/// A sequence of unknown length; `inner` is true of every item.
[[nodiscard]] Fact sequence_fact(Fact inner);

/// A declared type. Dims go through `Expr::parse`; an unknown one is a fresh size with this reason.
[[nodiscard]] Fact fact_of(const TypeRef& type, const std::string& reason);
/// The type to write. Sizes that cannot be written are unknown dims. Null when nothing is known.
[[nodiscard]] TypeRef type_of(const Fact& fact);

/// Elements that are computed, or of a small constant (integers, bool, few floats); null when they
/// are not known. Elements of floats are exact.
[[nodiscard]] Elements elements_of(const Fact& fact);
/// The same where all are whole numbers.
[[nodiscard]] std::optional<std::vector<std::int64_t>> numbers_of(const Fact& fact);

/// What is true of both: for values that come from one of two branches, or from any turn of a loop.
/// Sizes that differ become fresh ones with this reason.
[[nodiscard]] Fact join(const Fact& a, const Fact& b, const std::string& reason);
/// What `known` says, completed by `declared` where it says nothing. Never overrules `known`.
[[nodiscard]] Fact complete(const Fact& known, const Fact& declared);
/// Whether both say the same (same symbols, same elements).
[[nodiscard]] bool same_fact(const Fact& a, const Fact& b);

}  // namespace pot
