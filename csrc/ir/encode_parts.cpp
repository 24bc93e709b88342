#include "ir/encode_parts.h"

#include "wire/fields.h"

namespace pot {
namespace {

struct WriteDim {
  Writer& writer;
  void operator()(std::monostate) const {}
  void operator()(std::int64_t number) const { writer.int64(fields::dim::dim_value, number); }
  void operator()(const std::string& symbol) const { writer.text(fields::dim::dim_param, symbol); }
};

void write_tensor_type(Writer& writer, const Type& type) {
  namespace f = fields::tensor_type;
  if (type.elem) writer.int32(f::elem_type, *type.elem);
  if (type.shape) {
    writer.message(f::shape, [&] {
      for (const Dim& dim : type.shape->dims) {
        writer.message(fields::shape::dim, [&] {
          std::visit(WriteDim{writer}, dim.value);
          write_text(writer, fields::dim::denotation, dim.denotation);
          write_rest(writer, dim.rest);
        });
      }
      write_rest(writer, type.shape->rest);
    });
  }
}

void write_inner(Writer& writer, Field field, const Type& type) {
  if (type.inner) writer.message(field, [&] { write_type(writer, *type.inner); });
}

void write_alternative(Writer& writer, const Type& type) {
  namespace f = fields::type;
  const auto alternative = [&](Field field, auto&& body) {
    writer.message(field, [&] {
      body();
      write_rest(writer, type.inner_rest);
    });
  };
  switch (type.kind) {
    case Type::Kind::none:
      return;
    case Type::Kind::tensor:
      return alternative(f::tensor_type, [&] { write_tensor_type(writer, type); });
    case Type::Kind::sparse_tensor:
      return alternative(f::sparse_tensor_type, [&] { write_tensor_type(writer, type); });
    case Type::Kind::sequence:
      return alternative(f::sequence_type,
                         [&] { write_inner(writer, fields::sequence_type::elem_type, type); });
    case Type::Kind::optional:
      return alternative(f::optional_type,
                         [&] { write_inner(writer, fields::sequence_type::elem_type, type); });
    case Type::Kind::map:
      return alternative(f::map_type, [&] {
        if (type.elem) writer.int32(fields::map_type::key_type, *type.elem);
        write_inner(writer, fields::map_type::value_type, type);
      });
    case Type::Kind::opaque:
      return alternative(f::opaque_type, [&] {
        write_text(writer, fields::opaque_type::domain, type.opaque_domain);
        write_text(writer, fields::opaque_type::name, type.opaque_name);
      });
  }
}

void write_entry(Writer& writer, const std::string& key, const std::string& value) {
  writer.message(fields::tensor::external_data, [&] {
    writer.text(fields::entry::key, key);
    writer.text(fields::entry::value, value);
  });
}

// A checksum is that of the file it was written for, so it goes with the location.
void write_range(Writer& writer, const Tensor& tensor, const FileRange& range) {
  write_entry(writer, "location", range.file);
  write_entry(writer, "offset", std::to_string(range.offset));
  write_entry(writer, "length", std::to_string(range.length));
  const auto entries = read_metadata(tensor.external_fields, fields::tensor::external_data.number);
  for (const auto& [key, value] : entries) {
    const bool replaced =
        key == "location" || key == "offset" || key == "length" || key == "checksum";
    if (!replaced) write_entry(writer, key, value);
  }
  writer.int32(fields::tensor::data_location, 1);
}

void write_elements(Writer& writer, const Tensor& tensor, const Placement* placement) {
  namespace f = fields::tensor;
  if (placement) {
    if (!placement->range) writer.bytes(f::raw_data, placement->inside.view);
  } else if (tensor.raw) {
    writer.bytes(f::raw_data, tensor.raw->view);
  }
}

}  // namespace

void write_text(Writer& writer, Field field, const Text& text) {
  if (text.present) writer.text(field, text.value);
}

void write_rest(Writer& writer, const Rest& rest) {
  for (const Bytes& span : rest.spans()) writer.verbatim(span.view);
}

void write_type(Writer& writer, const Type& type) {
  if (type.source) return writer.verbatim(type.source->view);
  write_alternative(writer, type);
  write_text(writer, fields::type::denotation, type.denotation);
  write_rest(writer, type.rest);
}

void write_tensor(Writer& writer, const Tensor& tensor, const Placement* placement) {
  namespace f = fields::tensor;
  if (tensor.source && !placement) return writer.verbatim(tensor.source->view);
  for (const std::int64_t dim : tensor.dims) writer.int64(f::dims, dim);
  if (tensor.data_type) writer.int32(f::data_type, *tensor.data_type);
  if (!placement) write_rest(writer, tensor.typed);
  write_text(writer, f::name, tensor.name);
  write_elements(writer, tensor, placement);
  write_text(writer, f::doc_string, tensor.doc_string);
  if (placement) {
    if (placement->range) write_range(writer, tensor, *placement->range);
  } else {
    write_rest(writer, tensor.external_fields);
    if (tensor.data_location) writer.int32(f::data_location, *tensor.data_location);
  }
  write_rest(writer, tensor.rest);
}

}  // namespace pot
