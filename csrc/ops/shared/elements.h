#pragma once
// Elements of shape arithmetic: what a runtime's dtype can hold of an exact result, and moving and
// combining known elements.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ops/shared/shape_rule.h"

namespace pot {

[[nodiscard]] bool is_integer(DType dtype) noexcept;  ///< signed or unsigned; bool is none
[[nodiscard]] bool is_float(DType dtype) noexcept;    ///< float16, bfloat16, float32, float64

/// The element that a runtime stores where `value` is the exact result of one correctly rounded
/// operation. Nothing where it wraps or cannot be told: integers outside of the dtype's range,
/// symbolic floats that may be rounded.
[[nodiscard]] std::optional<Expr> stored(const Expr& value, DType dtype);
/// The same for a result that was computed in double precision from elements of `dtype`. Nothing
/// for NaN, infinities and -0.0, which an Expr cannot be.
[[nodiscard]] std::optional<Expr> stored_float(double value, DType dtype);
/// Not the exact value but its rounding: a symbolic quotient in floating point, of which only
/// floor, ceil and round are known.
[[nodiscard]] bool is_rounded(const Expr& value, DType dtype);
/// Whole numbers up to this magnitude are exact in a floating-point type, so that sums of them that
/// stay below are, in any order. Pre: is_float(dtype).
[[nodiscard]] std::int64_t exact_up_to(DType dtype);
/// Provably a whole number.
[[nodiscard]] bool is_whole(const Expr& value);
/// Rounded towards zero; nothing when the sign of a fraction is not known.
[[nodiscard]] std::optional<Expr> truncated(const Expr& value);

/// The numbers of a shape of at most `kMostElements` elements.
[[nodiscard]] std::optional<std::vector<std::int64_t>> small_shape(const Dims& dims);
[[nodiscard]] std::size_t small_count(std::span<const std::int64_t> shape);

using Position = std::vector<std::int64_t>;
/// Every position of a small shape, row-major.
[[nodiscard]] std::vector<Position> positions(std::span<const std::int64_t> shape);
/// Pre: the position is in the shape.
[[nodiscard]] std::size_t flat_index(std::span<const std::int64_t> position,
                                     std::span<const std::int64_t> shape);

/// A tensor of these dims whose elements are those of `source` at other places, when they are
/// known: `from` maps a position in the output to one in `source`; nothing for an element that
/// cannot be told.
using Origin = std::function<std::optional<Position>(const Position& position)>;
[[nodiscard]] Fact moved(const NodeFacts& at, const Fact& source, Dims dims, const Origin& from);
/// The same elements in the same order under other dims.
[[nodiscard]] Fact reshaped(const Fact& source, Dims dims);

/// One element of a result from the elements of the inputs; nothing when it cannot be told.
using ElementRule = std::function<std::optional<Expr>(std::span<const Expr> inputs)>;

/// A tensor of these dims and elements; without elements where nothing is known of any of them.
[[nodiscard]] Fact from_elements(const NodeFacts& at, DType dtype, Dims dims,
                                 std::vector<std::optional<Expr>> elements);

/// What an elementwise operator makes: all inputs broadcast together. With a rule, elements too.
/// `partly` applies the rule even where the elements of some inputs are not known.
struct Elementwise {
  DType dtype = DType::undefined;
  ElementRule element{};
  bool partly = false;
};
[[nodiscard]] Inferred elementwise(const NodeFacts& at, const Elementwise& how);

/// The dtype of the first input that has one.
[[nodiscard]] DType common_dtype(const NodeFacts& at);

/// ShapeRule: output 0 has the type and shape of input 0, its elements are others.
[[nodiscard]] Inferred same_as_input(const NodeFacts& at);
/// ShapeRule: inputs broadcast together, of the dtype of the inputs.
[[nodiscard]] Inferred broadcast_inputs(const NodeFacts& at);

/// The sizes that the elements of `target` say, one each. An element of which nothing is known
/// is a fresh size. Nothing when not even their number is known, or it is absurd.
[[nodiscard]] std::optional<Dims> dims_from(const NodeFacts& at, const Fact& target);
/// The same element as a size: itself when it cannot be negative by what is known of it, else
/// fresh.
[[nodiscard]] Expr as_size(const NodeFacts& at, const Expr& element);

}  // namespace pot
