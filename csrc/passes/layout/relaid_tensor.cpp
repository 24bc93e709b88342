#include "ir/typed_data.h"
#include "kernels/permute.h"
#include "passes/layout/draw_node.h"

namespace pot {
namespace {

/// The result of a move as `permute` reads it: strides count elements of the source.
struct Moved {
  std::vector<std::int64_t> dims;
  std::vector<std::int64_t> strides;
};

std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& dims) {
  std::vector<std::int64_t> strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

bool cuts(const InnerOrder& inner, std::int64_t size) {
  std::int64_t product = 1;
  for (const std::int64_t factor : inner.sizes) {
    if (factor < 1 || product > size / factor) return false;
    product *= factor;
  }
  return product == size && inner.order.rank() == inner.sizes.size();
}

Result<Moved> moved(const Tensor& tensor, const Layout& layout) {
  const std::string label = "constant '" + tensor.name.value + "'";
  if (layout.rank() != tensor.dims.size()) {
    return refuse(label + " has rank " + std::to_string(tensor.dims.size()) + ", its layout " +
                  std::to_string(layout.rank()));
  }
  // Where one size is 0, the others may be any number.
  if (tensor.count() == 0) return Moved{{0}, {0}};
  const std::vector<std::int64_t> strides = row_major(tensor.dims);
  Moved made;
  for (std::size_t place = 0; place < layout.rank(); ++place) {
    const std::size_t axis = layout.perm[place];
    const InnerOrder* inner = layout.inner_of(axis);
    if (!inner) {
      made.dims.push_back(tensor.dims[axis]);
      made.strides.push_back(strides[axis]);
      continue;
    }
    if (!cuts(*inner, tensor.dims[axis])) {
      return refuse(label + ": the factors of axis " + std::to_string(axis) +
                    " do not give its size");
    }
    std::vector<std::int64_t> within = row_major(inner->sizes);
    for (std::int64_t& stride : within) stride *= strides[axis];
    for (const std::int64_t size : inner->order.apply(inner->sizes)) made.dims.push_back(size);
    for (const std::int64_t stride : inner->order.apply(within)) made.strides.push_back(stride);
  }
  if (made.dims.size() > kernels::kMostAxes) return refuse(label + " has too many axes");
  return made;
}

/// One element a byte, of elements of 4 and 2 bits that are packed with the first in the lowest.
std::vector<std::byte> unpacked(ByteView packed, unsigned bits, std::uint64_t count) {
  const unsigned each = 8 / bits;
  std::vector<std::byte> out(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto shift = static_cast<unsigned>(i % each) * bits;
    out[i] = (packed[i / each] >> shift) & static_cast<std::byte>((1U << bits) - 1);
  }
  return out;
}

std::vector<std::byte> packed(ByteView elements, unsigned bits) {
  const unsigned each = 8 / bits;
  std::vector<std::byte> out((elements.size() + each - 1) / each);
  for (std::uint64_t i = 0; i < elements.size(); ++i) {
    out[i / each] |= elements[i] << (static_cast<unsigned>(i % each) * bits);
  }
  return out;
}

std::vector<std::byte> permuted(const Moved& move, std::size_t element, ByteView from,
                                std::uint64_t count) {
  std::vector<std::int64_t> strides = move.strides;
  for (std::int64_t& stride : strides) stride *= static_cast<std::int64_t>(element);
  std::vector<std::byte> out(count * element);
  kernels::permute({.dims = move.dims, .strides = strides, .offset = 0, .element = element}, from,
                   out);
  return out;
}

TensorRef made_of(const std::string& name, DType dtype, std::vector<std::int64_t> dims,
                  std::vector<std::byte> elements) {
  const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(elements));
  return make_tensor(name, dtype, std::move(dims), {ByteView(*owner), owner});
}

/// Only axes of size 1 change place: the bytes stay where they are.
bool keeps_bytes(const Tensor& tensor, const Layout& layout) {
  const std::vector<Expr> dims(tensor.dims.begin(), tensor.dims.end());
  return layout.rank() == dims.size() && same_memory(Layout::identity(dims.size()), layout, dims);
}

TensorRef with_dims(const Tensor& tensor, std::vector<std::int64_t> dims, const std::string& name) {
  auto made = std::make_shared<Tensor>(*tensor.renamed(name));
  made->dims = std::move(dims);
  return made;
}

}  // namespace

Result<TensorRef> relaid(const Tensor& tensor, const Layout& layout, const std::string& name) {
  if (keeps_bytes(tensor, layout)) return with_dims(tensor, layout.perm.apply(tensor.dims), name);
  const unsigned bits = dtype_bits(tensor.dtype());
  if (bits == 0 || (bits % 8 != 0 && 8 % bits != 0)) {
    return refuse("constant '" + tensor.name.value + "' has elements of type " +
                  dtype_name(tensor.dtype()) + ", which are not moved");
  }
  const auto data = tensor.data();
  if (!data) return data.error();
  const auto move = moved(tensor, layout);
  if (!move) return move.error();
  const std::uint64_t count = *tensor.count();
  const ByteView from = data.value().view;
  std::vector<std::byte> made =
      bits < 8 ? packed(permuted(move.value(), 1, unpacked(from, bits, count), count), bits)
               : permuted(move.value(), bits / 8, from, count);
  tensor.forget();
  return typed_like(made_of(name, tensor.dtype(), layout.perm.apply(tensor.dims), std::move(made)),
                    tensor);
}

}  // namespace pot
