// Fold rules of what moves elements and computes none.

#include <algorithm>
#include <cstring>

#include "ops/shared/fold_rule.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr Folded kUnknown = std::nullopt;

const TensorRef& constant(const NodeFacts& at, std::size_t slot) { return at.in(slot).constant; }

Folded same_bytes(const NodeFacts& at) {
  const auto made = made_type(at);
  return made ? with_dims(constant(at, 0), *made) : kUnknown;
}

Folded transpose(const NodeFacts& at) {
  const auto made = made_type(at);
  if (!made) return kUnknown;
  const auto strides = strides_of(constant(at, 0)->dims);
  const auto perm = at.attr_ints("perm");
  if (made->dims.size() != strides.size() || (perm && perm->size() != strides.size())) {
    return kUnknown;
  }
  Placement placement;
  for (std::size_t i = 0; i < made->dims.size(); ++i) {
    const std::size_t axis = perm ? static_cast<std::size_t>((*perm)[i]) : strides.size() - 1 - i;
    if (axis >= strides.size()) return kUnknown;
    placement.strides.push_back(strides[axis]);
  }
  return placed(constant(at, 0), *made, placement);
}

Folded expand(const NodeFacts& at) {
  const auto made = made_type(at);
  if (!made) return kUnknown;
  const auto placement = broadcast_placement(constant(at, 0)->dims, made->dims);
  return placement ? placed(constant(at, 0), *made, *placement) : kUnknown;
}

/// Every axis in two: the repeats and what is repeated.
Folded tile(const NodeFacts& at) {
  const auto made = made_type(at);
  const std::vector<std::int64_t>& dims = constant(at, 0)->dims;
  if (!made || made->dims.size() != dims.size()) return kUnknown;
  MadeType split{made->dtype, {}};
  Placement placement;
  const auto strides = strides_of(dims);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    split.dims.push_back(dims[i] == 0 ? 0 : made->dims[i] / dims[i]);
    split.dims.push_back(dims[i]);
    placement.strides.push_back(0);
    placement.strides.push_back(strides[i]);
  }
  const Folded tiled = placed(constant(at, 0), split, placement);
  return tiled ? with_dims(tiled->front(), *made) : kUnknown;
}

/// Where a slice starts, as runtimes clamp it.
std::int64_t clamped_start(std::int64_t start, std::int64_t step, std::int64_t size) {
  if (start < 0) start += size;
  return std::clamp<std::int64_t>(start, 0, step > 0 ? size : std::max<std::int64_t>(size - 1, 0));
}

Folded slice(const NodeFacts& at) {
  const auto made = made_type(at);
  const auto starts = at.ints_or_input("starts", 1).numbers;
  if (!made || !starts) return kUnknown;
  const auto axes = at.ints_or_input("axes", 3);
  const auto steps = at.has(4) ? numbers_of(at.in(4)) : std::nullopt;
  if ((axes.given && !axes.numbers) || (at.has(4) && !steps)) return kUnknown;
  if ((axes.given && axes.numbers->size() != starts->size()) ||
      (steps && steps->size() != starts->size())) {
    return kUnknown;
  }
  const std::vector<std::int64_t>& dims = constant(at, 0)->dims;
  Placement placement{strides_of(dims), 0};
  const std::vector<std::int64_t> strides = placement.strides;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const std::int64_t named = axes.given ? (*axes.numbers)[i] : static_cast<std::int64_t>(i);
    const auto axis = normalized_axis(named, dims.size());
    const std::int64_t step = steps ? (*steps)[i] : 1;
    if (!axis || step == 0) return kUnknown;
    placement.offset += clamped_start((*starts)[i], step, dims[*axis]) * strides[*axis];
    placement.strides[*axis] = strides[*axis] * step;
  }
  return placed(constant(at, 0), *made, placement);
}

Folded split(const NodeFacts& at) {
  const std::vector<std::int64_t>& dims = constant(at, 0)->dims;
  const auto axis = normalized_axis(at.attr_int("axis", 0), dims.size());
  if (!axis) return kUnknown;
  Placement placement{strides_of(dims), 0};
  std::vector<TensorRef> parts;
  for (std::size_t slot = 0; slot < at.output_count(); ++slot) {
    const auto made = made_type(at, slot);
    if (!made) return kUnknown;
    const Folded part = placed(constant(at, 0), *made, placement);
    if (!part) return kUnknown;
    parts.push_back(part->front());
    placement.offset += made->dims[*axis] * placement.strides[*axis];
  }
  return parts;
}

/// Bytes of a run of elements from an axis on; 0 for types without whole bytes.
std::size_t run_bytes(const Tensor& tensor, std::size_t axis) {
  const unsigned bits = dtype_bits(tensor.dtype());
  std::size_t bytes = bits % 8 == 0 ? bits / 8 : 0;
  for (std::size_t i = axis; i < tensor.dims.size(); ++i) {
    bytes *= static_cast<std::size_t>(tensor.dims[i]);
  }
  return bytes;
}

Folded gather(const NodeFacts& at) {
  const auto made = made_type(at);
  const TensorRef& data = constant(at, 0);
  const auto axis = normalized_axis(at.attr_int("axis", 0), data->dims.size());
  const auto indices = read_ints(*constant(at, 1));
  if (!made || !axis || !indices) return kUnknown;
  const auto size = stored_size(made->dtype, made->dims);
  const std::size_t run = run_bytes(*data, *axis + 1);
  const std::size_t row = run_bytes(*data, *axis);
  const auto source = data->data();
  if (!size || !source || run == 0 || row == 0) return kUnknown;
  std::vector<std::byte> bytes;
  bytes.reserve(*size);
  const ByteView from = source.value().view;
  for (std::size_t start = 0; start < from.size(); start += row) {
    for (std::int64_t index : indices.value()) {
      if (index < 0) index += data->dims[*axis];
      if (index < 0 || index >= data->dims[*axis]) return kUnknown;
      const ByteView part = from.subspan(start + static_cast<std::size_t>(index) * run, run);
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
  }
  return made_of(*made, std::move(bytes));
}

Folded concat(const NodeFacts& at) {
  const auto made = made_type(at);
  if (!made) return kUnknown;
  const auto axis = normalized_axis(at.attr_int("axis", 0), made->dims.size());
  const auto size = stored_size(made->dtype, made->dims);
  if (!axis || !size) return kUnknown;
  std::vector<std::pair<Bytes, std::size_t>> parts;  // with the bytes of one row
  for (std::size_t slot = 0; slot < at.input_count(); ++slot) {
    const TensorRef& input = constant(at, slot);
    if (!input || input->dtype() != made->dtype) return kUnknown;
    auto data = input->data();
    const std::size_t row = run_bytes(*input, *axis);
    if (!data) return kUnknown;
    if (row != 0) parts.emplace_back(std::move(data).value(), row);
  }
  std::vector<std::byte> bytes;
  bytes.reserve(*size);
  for (std::size_t row = 0; bytes.size() < *size; ++row) {
    const std::size_t before = bytes.size();
    for (const auto& [data, width] : parts) {
      if ((row + 1) * width > data.view.size()) return kUnknown;
      const ByteView part = data.view.subspan(row * width, width);
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
    if (bytes.size() == before) return kUnknown;
  }
  return made_of(*made, std::move(bytes));
}

Folded where(const NodeFacts& at) {
  const auto made = made_type(at);
  if (!made || dtype_bits(made->dtype) % 8 != 0 || constant(at, 1)->dtype() != made->dtype) {
    return kUnknown;
  }
  const auto condition = broadcast_bytes(constant(at, 0), made->dims);
  const auto yes = broadcast_bytes(constant(at, 1), made->dims);
  const auto no = broadcast_bytes(constant(at, 2), made->dims);
  const auto size = stored_size(made->dtype, made->dims);
  if (!condition || !yes || !no || !size || yes->view.size() != no->view.size()) return kUnknown;
  const std::size_t width = dtype_bits(made->dtype) / 8;
  std::vector<std::byte> bytes(*size);
  if (width == 0) return kUnknown;
  for (std::size_t i = 0; i < condition->view.size(); ++i) {
    const Bytes& source = condition->view[i] != std::byte{0} ? *yes : *no;
    std::memcpy(bytes.data() + i * width, source.view.data() + i * width, width);
  }
  return made_of(*made, std::move(bytes));
}

/// The elements on one side of a diagonal; the others are zero.
Folded trilu(const NodeFacts& at) {
  const auto made = made_type(at);
  const auto k = at.has(1) ? numbers_of(at.in(1)) : std::vector<std::int64_t>{0};
  const auto data = constant(at, 0)->data();
  const std::size_t rank = constant(at, 0)->dims.size();
  const std::size_t width = made ? dtype_bits(made->dtype) / 8 : 0;
  if (!made || !k || k->size() != 1 || !data || rank < 2 || width == 0) return kUnknown;
  const bool upper = at.attr_int("upper", 1) != 0;
  const std::int64_t rows = made->dims[rank - 2];
  const std::int64_t columns = made->dims[rank - 1];
  std::vector<std::byte> bytes(data.value().view.begin(), data.value().view.end());
  const std::size_t count = bytes.size() / width;
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = static_cast<std::int64_t>(i);
    const std::int64_t diagonal = place % columns - place / columns % rows;
    const bool kept = upper ? diagonal >= k->front() : diagonal <= k->front();
    if (!kept) std::memset(bytes.data() + i * width, 0, width);
  }
  return made_of(*made, std::move(bytes));
}

Folded constant_of_shape(const NodeFacts& at) {
  const auto made = made_type(at);
  const auto size = made ? stored_size(made->dtype, made->dims) : std::nullopt;
  if (!size) return kUnknown;
  const TensorRef value = at.node().attr_tensor("value");
  if (!value) return made_of(*made, std::vector<std::byte>(*size));
  MadeType one{value->dtype(), {}};
  const Folded scalar = with_dims(value, one);
  if (!scalar) return kUnknown;
  const Placement repeated{std::vector<std::int64_t>(made->dims.size(), 0), 0};
  return placed(scalar->front(), *made, repeated);
}

template <class T>
std::optional<T> scalar_of(const Tensor& tensor) {
  const auto data = tensor.data();
  T value{};
  if (!data || data.value().view.size() != sizeof value) return std::nullopt;
  std::memcpy(&value, data.value().view.data(), sizeof value);
  return value;
}

template <class T>
Folded whole_range(const NodeFacts& at, const MadeType& made) {
  const auto start = scalar_of<T>(*constant(at, 0));
  const auto step = scalar_of<T>(*constant(at, 2));
  if (!start || !step) return kUnknown;
  const auto count = static_cast<std::size_t>(made.dims[0]);
  std::vector<std::byte> bytes(count * sizeof(T));
  for (std::size_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(*start + static_cast<T>(i) * *step);
    std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
  }
  return made_of(made, std::move(bytes));
}

/// Of whole numbers: runtimes add up floating-point steps in ways of their own.
Folded range(const NodeFacts& at) {
  const auto made = made_type(at);
  if (!made || made->dims.size() != 1) return kUnknown;
  if (made->dtype == DType::int64) return whole_range<std::int64_t>(at, *made);
  if (made->dtype == DType::int32) return whole_range<std::int32_t>(at, *made);
  return kUnknown;
}

}  // namespace

void register_fold_movement(OpTable& table) {
  table.add_fold({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}, same_bytes);
  table.add_fold({"Transpose"}, transpose);
  table.add_fold({"Expand"}, expand);
  table.add_fold({"Tile"}, tile);
  table.add_fold({"Slice"}, slice);
  table.add_fold({"Split"}, split);
  table.add_fold({"Gather"}, gather);
  table.add_fold({"Concat"}, concat);
  table.add_fold({"Where"}, where);
  table.add_fold({"Trilu"}, trilu);
  table.add_fold({"ConstantOfShape"}, constant_of_shape);
  table.add_fold({"Range"}, range);
}

}  // namespace pot
