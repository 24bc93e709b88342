#include "ops/shared/fold_rule.h"

#include <algorithm>

#include "kernels/permute.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Bytes of one element; 0 for strings and for types of which several share a byte.
std::size_t whole_bytes(DType dtype) {
  const unsigned bits = dtype_bits(dtype);
  return bits % 8 == 0 ? bits / 8 : 0;
}

/// All places are inside of a tensor of so many elements.
bool inside(const MadeType& made, const Placement& placement, std::uint64_t count) {
  std::int64_t lowest = placement.offset;
  std::int64_t highest = placement.offset;
  for (std::size_t i = 0; i < made.dims.size(); ++i) {
    if (made.dims[i] == 0) return true;
    const std::int64_t reach = (made.dims[i] - 1) * placement.strides[i];
    (reach < 0 ? lowest : highest) += reach;
  }
  return lowest >= 0 && static_cast<std::uint64_t>(highest) < count;
}

}  // namespace

std::optional<MadeType> made_type(const NodeFacts& at, std::size_t slot) {
  const OpEntry* entry = op_table().find(at.node().domain, at.node().op_type);
  if (!entry || !entry->shape) return std::nullopt;
  const Inferred inferred = entry->shape(at);
  if (!inferred || slot >= inferred.value().size()) return std::nullopt;
  const Fact& fact = inferred.value()[slot];
  auto dims = fact.numbers();
  if (!dims || fact.dtype == DType::undefined) return std::nullopt;
  return MadeType{fact.dtype, std::move(*dims)};
}

Folded with_dims(const TensorRef& tensor, const MadeType& made) {
  if (tensor->count() != element_count(made.dims) || tensor->dtype() != made.dtype) {
    return std::nullopt;
  }
  auto copy = std::make_shared<Tensor>(*tensor);
  copy->dims = made.dims;
  copy->source.reset();
  return std::vector<TensorRef>{std::move(copy)};
}

Folded placed(const TensorRef& tensor, const MadeType& made, const Placement& placement) {
  const std::size_t element = whole_bytes(tensor->dtype());
  const auto size = stored_size(made.dtype, made.dims);
  if (element == 0 || !size || made.dtype != tensor->dtype()) return std::nullopt;
  if (made.dims.size() > kernels::kMostAxes || made.dims.size() != placement.strides.size() ||
      !inside(made, placement, tensor->count().value_or(0))) {
    return std::nullopt;
  }
  const auto data = tensor->data();
  if (!data) return std::nullopt;
  const auto width = static_cast<std::int64_t>(element);
  std::vector<std::int64_t> strides;
  for (const std::int64_t stride : placement.strides) strides.push_back(stride * width);
  std::vector<std::byte> bytes(*size);
  kernels::permute({made.dims, strides, placement.offset * width, element}, data.value().view,
                   bytes);
  return made_of(made, std::move(bytes));
}

std::vector<std::int64_t> strides_of(std::span<const std::int64_t> dims) {
  std::vector<std::int64_t> strides(dims.size());
  std::int64_t next = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = next;
    next *= dims[i];
  }
  return strides;
}

std::optional<Placement> broadcast_placement(std::span<const std::int64_t> dims,
                                             std::span<const std::int64_t> to) {
  if (dims.size() > to.size()) return std::nullopt;
  Placement out{std::vector<std::int64_t>(to.size(), 0), 0};
  const std::vector<std::int64_t> strides = strides_of(dims);
  const std::size_t lead = to.size() - dims.size();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == to[lead + i]) {
      out.strides[lead + i] = strides[i];
    } else if (dims[i] != 1) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<Bytes> broadcast_bytes(const TensorRef& tensor, std::span<const std::int64_t> to) {
  if (std::ranges::equal(tensor->dims, to)) {
    auto data = tensor->data();
    return data ? std::optional(std::move(data).value()) : std::nullopt;
  }
  const auto placement = broadcast_placement(tensor->dims, to);
  if (!placement) return std::nullopt;
  const Folded made = placed(tensor, {tensor->dtype(), {to.begin(), to.end()}}, *placement);
  if (!made) return std::nullopt;
  auto data = made->front()->data();
  return data ? std::optional(std::move(data).value()) : std::nullopt;
}

Folded made_of(const MadeType& made, std::vector<std::byte> bytes) {
  if (stored_size(made.dtype, made.dims) != bytes.size()) return std::nullopt;
  auto owned = std::make_shared<std::vector<std::byte>>(std::move(bytes));
  const ByteView view(*owned);
  return std::vector<TensorRef>{make_tensor("", made.dtype, made.dims, {view, std::move(owned)})};
}

}  // namespace pot
