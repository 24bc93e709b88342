#include "ir/typed_data.h"

#include <cstring>

#include "wire/fields.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace pot {
namespace {

/// The field that holds elements of a type, and how wide its own elements are (0: varints).
struct Storage {
  Field field;
  unsigned width;
};

Storage storage_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
    case DType::complex64:
      return {fields::tensor::float_data, 4};
    case DType::float64:
    case DType::complex128:
      return {fields::tensor::double_data, 8};
    case DType::int64:
      return {fields::tensor::int64_data, 0};
    case DType::uint32:
    case DType::uint64:
      return {fields::tensor::uint64_data, 0};
    default:
      return {fields::tensor::int32_data, 0};
  }
}

template <class Visit>
void for_each_chunk(const Tensor& tensor, Field field, Visit&& visit) {
  for (const Bytes& span : tensor.typed.spans()) {
    Document document{{}, span.view, {}};
    Reader reader(document, "TensorProto");
    while (reader.next()) {
      if (reader.number() == field.number) visit(reader, span.owner);
    }
  }
}

std::uint64_t payload_bytes(const Tensor& tensor) {
  std::uint64_t total = 0;
  for (const Bytes& span : tensor.typed.spans()) total += span.view.size();
  return total;
}

std::vector<std::byte> decode_fixed(const Tensor& tensor, Field field) {
  std::vector<std::byte> out;
  for_each_chunk(tensor, field, [&out](const Reader& reader, const Owner&) {
    out.insert(out.end(), reader.payload().begin(), reader.payload().end());
  });
  return out;
}

void append_low_bytes(std::vector<std::byte>& out, std::uint64_t value, unsigned bytes) {
  const std::size_t at = out.size();
  out.resize(at + bytes);
  std::memcpy(out.data() + at, &value, bytes);
}

std::vector<std::byte> decode_varints(const Tensor& tensor, Field field, unsigned bytes) {
  std::vector<std::byte> out;
  for_each_chunk(tensor, field, [&](const Reader& reader, const Owner&) {
    if (reader.tag() == varint_tag(field)) return append_low_bytes(out, reader.uint64(), bytes);
    ByteView elements = reader.payload();
    std::uint64_t value = 0;
    while (!elements.empty() && take_varint(elements, value)) append_low_bytes(out, value, bytes);
  });
  return out;
}

// Four 6-bit codes in three bytes, the first in the lowest bits. The typed field has one code an
// entry, unlike those of 4 and 2 bits, which it holds packed.
std::vector<std::byte> pack_six_bits(const std::vector<std::byte>& codes) {
  std::vector<std::byte> out((codes.size() * 6 + 7) / 8);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto code = std::to_integer<unsigned>(codes[i]) & 0x3f;
    const unsigned shifted = code << (i * 6 % 8);
    const std::size_t at = i * 6 / 8;
    out[at] |= static_cast<std::byte>(shifted);
    if (shifted > 0xff) out[at + 1] |= static_cast<std::byte>(shifted >> 8);
  }
  return out;
}

/// Varints, one behind the other, as a packed field holds them.
std::string packed_int64s(ByteView raw) {
  std::string out;
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= raw.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t value = 0;
    std::memcpy(&value, raw.data() + at, sizeof(value));
    constexpr std::uint64_t kMore = 0x80;
    for (; value >= kMore; value >>= 7U) out += static_cast<char>((value & 0x7FU) | kMore);
    out += static_cast<char>(value);
  }
  return out;
}

}  // namespace

std::optional<Bytes> stored_typed(const Tensor& tensor) {
  const Storage storage = storage_of(tensor.dtype());
  const auto nbytes = tensor.nbytes();
  if (storage.width == 0 || !nbytes) return std::nullopt;
  std::optional<Bytes> found;
  bool several = false;
  for_each_chunk(tensor, storage.field, [&](const Reader& reader, const Owner& owner) {
    several = several || found.has_value();
    found = Bytes{reader.payload(), owner};
  });
  if (several || !found || found->view.size() != *nbytes) return std::nullopt;
  return found;
}

Result<Bytes> decode_typed(const Tensor& tensor) {
  if (auto stored = stored_typed(tensor)) return *stored;
  const Storage storage = storage_of(tensor.dtype());
  const unsigned bits = dtype_bits(tensor.dtype());
  auto out = std::make_shared<std::vector<std::byte>>();
  if (storage.width != 0) {
    *out = decode_fixed(tensor, storage.field);
  } else {
    *out = decode_varints(tensor, storage.field, bits < 8 ? 1 : bits / 8);
    if (bits == 6) *out = pack_six_bits(*out);
  }
  const auto nbytes = tensor.nbytes();
  if (out->size() != nbytes) {
    const std::string announced = nbytes ? std::to_string(*nbytes) : "an unknown number of";
    if (payload_bytes(tensor) == 0) {
      return Error{Error::Kind::malformed,
                   "it has no data; its shape takes " + announced + " bytes",
                   {},
                   {},
                   {}};
    }
    return Error{Error::Kind::malformed,
                 std::string(storage.field.name) + " holds " + std::to_string(out->size()) +
                     " bytes of elements, the shape takes " + announced,
                 {},
                 {},
                 {}};
  }
  const ByteView view(*out);
  return Bytes{view, std::move(out)};
}

TensorRef typed_like(TensorRef tensor, const Tensor& like) {
  if (like.typed.empty() || like.raw || !tensor->raw || like.dtype() != tensor->dtype()) {
    return tensor;
  }
  namespace f = fields::tensor;
  const ByteView raw = tensor->raw->view;
  Writer writer;
  std::string varints;
  if (tensor->dtype() == DType::float32) {
    writer.bytes(f::float_data, raw);
  } else if (tensor->dtype() == DType::float64) {
    writer.bytes(f::double_data, raw);
  } else if (tensor->dtype() == DType::int64) {
    varints = packed_int64s(raw);
    writer.text(f::int64_data, varints);
  } else {
    return tensor;
  }
  auto made = std::make_shared<Tensor>(*tensor);
  auto owned = std::make_shared<const std::string>(writer.to_string());
  const ByteView view = as_bytes(*owned);
  made->typed = Rest();
  made->typed.append({view, std::move(owned)});
  made->raw.reset();
  made->source.reset();
  return made;
}

}  // namespace pot
