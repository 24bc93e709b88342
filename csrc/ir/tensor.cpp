#include "ir/tensor.h"

#include <cstring>

#include "ir/data_files.h"
#include "ir/typed_data.h"
#include "wire/fields.h"
#include "wire/reader.h"

namespace pot {
namespace {

Error bad(const Tensor& tensor, std::string what) {
  return {
      Error::Kind::malformed, "tensor '" + tensor.name.value + "': " + std::move(what), {}, {}, {}};
}

std::string describe(const Tensor& tensor) {
  std::string out = dtype_name(tensor.dtype()) + "[";
  for (std::size_t i = 0; i < tensor.dims.size(); ++i) {
    out += (i ? ", " : "") + std::to_string(tensor.dims[i]);
  }
  return out + "]";
}

Result<Bytes> external_bytes(const Tensor& tensor, std::uint64_t nbytes) {
  if (!tensor.external || !tensor.external->file) {
    Error error = bad(tensor,
                      "its data is external, and a model from memory has no folder to "
                      "look in; give the folder when loading it");
    error.kind = Error::Kind::io;
    return error;
  }
  auto mapped = tensor.external->file->map();
  if (!mapped) {
    Error error = mapped.error();
    error.message = "external data of tensor '" + tensor.name.value + "': " + error.message;
    return error;
  }
  const auto& file = mapped.value();
  const std::uint64_t size = file->view().size();
  if (tensor.external->offset > size || nbytes > size - tensor.external->offset) {
    return bad(tensor, "external data of " + std::to_string(nbytes) + " bytes at offset " +
                           std::to_string(tensor.external->offset) + " does not fit into " +
                           file->path() + " (" + std::to_string(size) + " bytes)");
  }
  return Bytes{file->view().subspan(static_cast<std::size_t>(tensor.external->offset),
                                    static_cast<std::size_t>(nbytes)),
               file};
}

}  // namespace

Result<Bytes> Tensor::data() const {
  const auto expected = nbytes();
  if (!expected) {
    return bad(*this, dtype() == DType::string ? "strings have no raw bytes"
                                               : "its size cannot be known: " + describe(*this));
  }
  if (is_external()) return external_bytes(*this, *expected);
  if (raw) {
    if (raw->view.size() == *expected) return *raw;
    return bad(*this, describe(*this) + " takes " + std::to_string(*expected) +
                          " bytes, raw_data has " + std::to_string(raw->view.size()));
  }
  auto decoded = decode_typed(*this);
  if (decoded) return decoded;
  return bad(*this, decoded.error().message);
}

Result<std::vector<std::string>> Tensor::strings() const {
  if (dtype() != DType::string) return bad(*this, "not a tensor of strings");
  std::vector<std::string> out;
  for (const Bytes& span : typed.spans()) {
    Document document{{}, span.view, {}};
    Reader reader(document, "TensorProto");
    while (reader.next()) {
      if (reader.tag() == len_tag(fields::tensor::string_data)) out.emplace_back(reader.text());
    }
  }
  if (out.size() != count()) {
    return bad(*this, describe(*this) + " has " + std::to_string(out.size()) + " elements");
  }
  return out;
}

std::optional<FileRange> Tensor::file_range() const {
  const auto expected = nbytes();
  if (!expected) return std::nullopt;
  if (is_external()) {
    if (!external || !external->file) return std::nullopt;
    return FileRange{external->file->path(), external->offset, *expected};
  }
  if (!file) return std::nullopt;
  const auto stored = raw ? std::optional<Bytes>(*raw) : stored_typed(*this);
  if (!stored || stored->view.size() != *expected) return std::nullopt;
  const ByteView whole = file->view();
  const ByteView part = stored->view;
  const std::less_equal<const std::byte*> before;  // total order, also over other buffers
  const bool inside = before(whole.data(), part.data()) &&
                      before(part.data() + part.size(), whole.data() + whole.size());
  if (part.empty() || !inside) return std::nullopt;
  return FileRange{file->path(), static_cast<std::uint64_t>(part.data() - whole.data()),
                   part.size()};
}

void Tensor::forget() const {
  if (!file_range()) return;
  const auto bytes = data();
  const auto mapped =
      is_external() ? external->file->map() : Result<std::shared_ptr<const MappedFile>>(file);
  if (bytes && mapped) mapped.value()->forget(bytes.value().view);
}

TensorRef Tensor::renamed(std::string new_name) const {
  auto copy = std::make_shared<Tensor>(*this);
  copy->name = Text(std::move(new_name));
  copy->source.reset();
  return copy;
}

TensorRef make_tensor(std::string name, DType dtype, std::vector<std::int64_t> dims, Bytes raw) {
  auto tensor = std::make_shared<Tensor>();
  tensor->name = Text(std::move(name));
  tensor->data_type = static_cast<std::int32_t>(dtype);
  tensor->dims = std::move(dims);
  assert(tensor->nbytes() == raw.view.size());
  tensor->raw = std::move(raw);
  return tensor;
}

TensorRef make_tensor_copy(std::string name, DType dtype, std::vector<std::int64_t> dims,
                           ByteView elements) {
  auto owned = std::make_shared<std::vector<std::byte>>(elements.begin(), elements.end());
  const ByteView view(*owned);
  return make_tensor(std::move(name), dtype, std::move(dims), {view, std::move(owned)});
}

TensorRef make_int64s(std::string name, std::span<const std::int64_t> elements) {
  return make_tensor_copy(std::move(name), DType::int64,
                          {static_cast<std::int64_t>(elements.size())}, std::as_bytes(elements));
}

namespace {

template <class T>
void widen(ByteView bytes, std::vector<std::int64_t>& out) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    out.push_back(static_cast<std::int64_t>(value));
  }
}

}  // namespace

Result<std::vector<std::int64_t>> read_ints(const Tensor& tensor) {
  auto data = tensor.data();
  if (!data) return data.error();
  const ByteView bytes = data.value().view;
  std::vector<std::int64_t> out;
  switch (tensor.dtype()) {
    case DType::int64:
    case DType::uint64:
      widen<std::int64_t>(bytes, out);
      break;
    case DType::int32:
      widen<std::int32_t>(bytes, out);
      break;
    case DType::uint32:
      widen<std::uint32_t>(bytes, out);
      break;
    case DType::int16:
      widen<std::int16_t>(bytes, out);
      break;
    case DType::uint16:
      widen<std::uint16_t>(bytes, out);
      break;
    case DType::int8:
      widen<std::int8_t>(bytes, out);
      break;
    case DType::uint8:
    case DType::boolean:
      widen<std::uint8_t>(bytes, out);
      break;
    default:
      return bad(tensor, "expected integers, found " + describe(tensor));
  }
  return out;
}

}  // namespace pot
