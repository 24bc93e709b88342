// From real numbers to few bits and back.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/quantize_layout.h"

namespace pot {
namespace {

constexpr std::size_t kX = 0;
constexpr std::size_t kScale = 1;
constexpr std::size_t kZeroPoint = 2;

std::string along(const NodeFacts& at, const Expr& size, std::size_t axis) {
  return quoted(at, kX) + " is " + size.text() + " long on axis " + std::to_string(axis);
}

/// One scale for blocks of `block` elements on one axis; otherwise of the input's shape.
Status check_blocks(const NodeFacts& at, std::size_t axis, std::int64_t block) {
  const Fact& x = at.in(kX);
  const auto ranks = require_rank(at, kScale, x.rank());
  if (!ranks) return ranks;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const Expr& size = (*x.dims)[i];
    const Expr scales = i == axis ? ceil_div(size, Expr(block)) : size;
    const std::string owner = along(at, size, i);
    const auto fits =
        require_size(at, kScale, i, scales,
                     i == axis ? owner + ", in blocks of " + std::to_string(block) : owner);
    if (!fits) return fits;
  }
  return ok_status();
}

/// One scale for all, for each position on an axis, or for each block.
Status check_scale(const NodeFacts& at) {
  const Fact& x = at.in(kX);
  const Fact& scale = at.in(kScale);
  const std::int64_t block = at.attr_int("block_size", 0);
  if (block < 0) return contradiction("block_size is " + std::to_string(block));
  if (!x.has_rank() || !scale.has_rank() || scale.rank() == 0 || scale.count().is(1)) {
    return ok_status();
  }
  const std::int64_t said = at.attr_int("axis", 1);
  // A vector has one axis, whatever the attribute says.
  const auto axis = x.rank() == 1 ? std::size_t{0} : normalized_axis(said, x.rank());
  if (!axis) {
    return contradiction("axis is " + std::to_string(said) + ", but " + quoted(at, kX) + " has " +
                         counted(x.rank(), "axis", "axes"));
  }
  if (block > 0) return check_blocks(at, *axis, block);
  if (scale.rank() != 1) return ok_status();
  const Expr& size = (*x.dims)[*axis];
  return require_size(at, kScale, 0, size, along(at, size, *axis));
}

Inferred quantize(const NodeFacts& at) {
  const auto fits = check_scale(at);
  if (!fits) return fits.error();
  const DType said = dtype_attribute(at, "output_dtype", DType::uint8);
  return std::vector{shaped_like(at.in(kX), at.has(kZeroPoint) ? at.in(kZeroPoint).dtype : said)};
}

Inferred dequantize(const NodeFacts& at) {
  const auto fits = check_scale(at);
  if (!fits) return fits.error();
  return std::vector{
      shaped_like(at.in(kX), dtype_attribute(at, "output_dtype", at.in(kScale).dtype))};
}

/// The quantized tensor, its scale and its zero point.
Inferred dynamic_quantize(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(kX), DType::uint8), tensor_fact(DType::float32, Dims{}),
                     tensor_fact(DType::uint8, Dims{})};
}

}  // namespace

void register_quantize(OpTable& table) {
  table.add("QuantizeLinear", {.shape = quantize, .layout = quantize_layout});
  table.add("DequantizeLinear", {.shape = dequantize, .layout = quantize_layout});
  table.add("DynamicQuantizeLinear", {.shape = dynamic_quantize, .layout = unary_layout});
}

}  // namespace pot
