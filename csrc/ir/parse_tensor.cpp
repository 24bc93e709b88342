#include <charconv>

#include "ir/data_files.h"
#include "ir/parse.h"
#include "wire/fields.h"

namespace pot {
namespace {

namespace f = fields::tensor;

/// The fields that hold elements one by one, packed or not.
bool holds_elements(std::uint32_t tag) noexcept {
  for (const Field field : {f::float_data, f::int32_data, f::string_data, f::int64_data,
                            f::double_data, f::uint64_data}) {
    if (tag == len_tag(field)) return true;
  }
  return tag == fixed32_tag(f::float_data) || tag == fixed64_tag(f::double_data) ||
         tag == varint_tag(f::int32_data) || tag == varint_tag(f::int64_data) ||
         tag == varint_tag(f::uint64_data);
}

/// A decimal number as external_data writes it. Nothing for anything else, negatives included.
std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

struct Entries {
  std::string location;
  std::string offset = "0";
  std::optional<std::string> length;
};

Entries read_entries(const Rest& external_fields) {
  Entries out;
  for (const auto& [key, value] : read_metadata(external_fields, f::external_data.number)) {
    if (key == "location") out.location = value;
    if (key == "offset") out.offset = value;
    if (key == "length") out.length = value;
  }
  return out;
}

/// What is wrong with the range, or "".
std::string range_problem(const Tensor& tensor, const External& external) {
  const auto nbytes = tensor.nbytes();
  if (!nbytes) return "";  // data() says why it cannot be read
  const auto text = [](std::uint64_t number) { return std::to_string(number); };
  if (external.length && *external.length != *nbytes) {
    return "length " + text(*external.length) + " does not fit dtype and shape, which take " +
           text(*nbytes) + " bytes";
  }
  const auto size = external.file ? external.file->size() : std::nullopt;
  if (!size) return "";
  if (external.offset > *size || *nbytes > *size - external.offset) {
    return "offset " + text(external.offset) + " and " + text(*nbytes) +
           " bytes reach past the end of '" + external.location + "', which has " + text(*size);
  }
  return "";
}

void resolve_external(Reader& reader, const ParseContext& context, Tensor& tensor) {
  const auto refuse = [&](const std::string& why) {
    reader.fail(Error::Kind::unsafe, "external data of tensor '" + tensor.name.value + "': " + why,
                f::external_data.name);
  };
  const Entries entries = read_entries(tensor.external_fields);
  External external;
  external.location = entries.location;
  const auto offset = decimal(entries.offset);
  if (!offset) return refuse("offset '" + entries.offset + "' is not a number from 0 up");
  external.offset = *offset;
  if (entries.length) {
    external.length = decimal(*entries.length);
    if (!external.length)
      return refuse("length '" + *entries.length + "' is not a number from 0 up");
  }
  if (context.files) {
    auto file = context.files->resolve(external.location);
    if (!file) return refuse(file.error().message);
    external.file = std::move(file).value();
  }
  if (const auto problem = range_problem(tensor, external); !problem.empty()) {
    return refuse(problem);
  }
  tensor.external = std::move(external);
}

}  // namespace

void parse_tensor(Reader& reader, const ParseContext& context, Tensor& tensor) {
  tensor.file = context.file;
  while (reader.next()) {
    switch (reader.tag()) {
      case varint_tag(f::dims):
      case len_tag(f::dims):
        reader.int64s(f::dims, tensor.dims);
        break;
      case varint_tag(f::data_type):
        tensor.data_type = reader.int32();
        break;
      case len_tag(f::name):
        tensor.name = reader.text();
        break;
      case len_tag(f::raw_data):
        tensor.raw = context.bytes(reader.payload());
        break;
      case len_tag(f::doc_string):
        tensor.doc_string = reader.text();
        break;
      case len_tag(f::external_data):
        context.keep(tensor.external_fields, reader);
        break;
      case varint_tag(f::data_location):
        tensor.data_location = reader.int32();
        break;
      default:
        context.keep(holds_elements(reader.tag()) ? tensor.typed : tensor.rest, reader);
    }
  }
  if (reader.ok() && tensor.is_external()) resolve_external(reader, context, tensor);
}

void parse_sparse_tensor(Reader& reader, const ParseContext& context, SparseTensor& sparse) {
  namespace s = fields::sparse_tensor;
  while (reader.next()) {
    switch (reader.tag()) {
      case len_tag(s::values):
        parse_shared(reader, context, s::values, -1, sparse.values, parse_tensor);
        break;
      case len_tag(s::indices):
        parse_shared(reader, context, s::indices, -1, sparse.indices, parse_tensor);
        break;
      case varint_tag(s::dims):
      case len_tag(s::dims):
        reader.int64s(s::dims, sparse.dims);
        break;
      default:
        context.keep(sparse.rest, reader);
    }
  }
}

}  // namespace pot
