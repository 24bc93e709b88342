// Operators on quantized tensors: each tensor is followed by its scale and its zero point.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/quantize_layout.h"

namespace pot {
namespace {

DType first_known(const NodeFacts& at, std::initializer_list<std::size_t> slots) {
  for (const std::size_t slot : slots) {
    if (at.in(slot).dtype != DType::undefined) return at.in(slot).dtype;
  }
  return DType::undefined;
}

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

/// The inputs at these slots broadcast together.
Inferred broadcast_slots(const NodeFacts& at, std::initializer_list<std::size_t> slots,
                         DType dtype) {
  std::vector<Dims> shapes;
  for (const std::size_t slot : slots) {
    if (!at.in(slot).has_rank()) return std::vector{tensor_fact(dtype)};
    shapes.push_back(*at.in(slot).dims);
  }
  auto dims = broadcast_dims(shapes);
  if (!dims) return dims.error();
  return std::vector{tensor_fact(dtype, std::move(dims).value())};
}

Inferred quantized_binary(const NodeFacts& at) {
  return broadcast_slots(at, {0, 3}, first_known(at, {0, 3}));
}

/// A and B may each lack a zero point, but its slot stays.
Inferred multiplied_integers(const NodeFacts& at) {
  return broadcast_slots(at, {0, 2}, DType::int32);
}

Inferred quantized_where(const NodeFacts& at) {
  return broadcast_slots(at, {0, 1, 4}, first_known(at, {1, 4}));
}

Inferred quantize(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), at.has(2) ? at.in(2).dtype : DType::uint8)};
}

Inferred dequantize(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), first_known(at, {1}))};
}

Inferred quantize_with_order(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), DType::int8)};
}

Inferred dequantize_with_order(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), dtype_attribute(at, "to", DType::float32))};
}

/// Raw bytes, and the shape and strides of what they stand for.
Inferred quantize_blocks(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const Expr rank = x.has_rank()
                        ? Expr(static_cast<std::int64_t>(x.rank()))
                        : at.unknown_size("the rank of " + quoted(at, 0) + " is not known");
  const Fact list = tensor_fact(DType::int64, Dims{rank});
  return std::vector{
      tensor_fact(DType::uint8, Dims{at.unknown_size("the format decides how many bytes")}), list,
      list};
}

Inferred dequantize_blocks(const NodeFacts& at) {
  const DType dtype = dtype_attribute(at, "dtype", DType::float32);
  const Elements shape = elements_of(at.in(1));
  if (!shape) return std::vector{tensor_fact(dtype)};
  auto dims = sizes_from(*shape, quoted(at, 1));
  if (!dims) return dims.error();
  return std::vector{tensor_fact(dtype, std::move(dims).value())};
}

/// Rows of a table whose elements may be packed into bytes along the last axis.
Inferred gathered_blocks(const NodeFacts& at) {
  const Fact& data = at.in(0);
  const Fact& indices = at.in(1);
  const DType dtype = at.in(2).dtype;
  if (!data.has_rank() || !indices.has_rank()) return std::vector{tensor_fact(dtype)};
  const std::int64_t said = at.attr_int("gather_axis", 0);
  const auto axis = normalized_axis(said, data.rank());
  if (!axis) {
    return contradiction("gather_axis is " + std::to_string(said) + ", but " + quoted(at, 0) +
                         " has " + counted(data.rank(), "axis", "axes"));
  }
  Dims table = *data.dims;
  const std::int64_t bits = at.attr_int("bits", 4);
  constexpr std::int64_t kByte = 8;
  if (data.dtype == DType::uint8 && bits > 0 && bits < kByte) {
    table.back() = table.back() * Expr(kByte / bits);
  }
  Dims out(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(*axis));
  out.insert(out.end(), indices.dims->begin(), indices.dims->end());
  out.insert(out.end(), table.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, table.end());
  return std::vector{tensor_fact(dtype, std::move(out))};
}

}  // namespace

void register_contrib_quantized(OpTable& table) {
  const auto add = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape,
                       Accumulation accumulation = Accumulation::none) {
    table.add(op_types, {.traits = {.accumulation = accumulation}, .shape = shape}, ort_domain);
  };
  const auto moved = [&](std::initializer_list<std::string_view> op_types, ShapeRule shape,
                         LayoutRule layout) {
    table.add(op_types, {.shape = shape, .layout = layout}, ort_domain);
  };
  moved({"QLinearLeakyRelu", "QLinearSigmoid"}, like_input, unary_layout);
  moved({"QLinearAdd", "QLinearMul"}, quantized_binary, broadcast_layout_of<0, 3>);
  moved({"MulInteger"}, multiplied_integers, broadcast_layout_of<0, 2>);
  moved({"QLinearWhere"}, quantized_where, broadcast_layout_of<0, 1, 4>);
  moved({"QuantizeLinear"}, quantize, quantize_layout);
  moved({"DequantizeLinear"}, dequantize, quantize_layout);
  add({"QOrderedGelu"}, like_input);
  add({"QOrderedLayerNormalization"}, like_input, Accumulation::norm);
  add({"QuantizeWithOrder"}, quantize_with_order);
  add({"DequantizeWithOrder"}, dequantize_with_order);
  add({"QuantizeBFP"}, quantize_blocks);
  add({"DequantizeBFP"}, dequantize_blocks);
  add({"GatherBlockQuantized"}, gathered_blocks);
}

}  // namespace pot
