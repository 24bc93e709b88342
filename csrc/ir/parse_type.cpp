#include "ir/parse.h"
#include "wire/fields.h"

namespace pot {
namespace {

namespace f = fields;

void parse_dim(Reader& reader, const ParseContext& context, Dim& dim) {
  while (reader.next()) {
    switch (reader.tag()) {
      case varint_tag(f::dim::dim_value):
        dim.value = reader.int64();
        break;
      case len_tag(f::dim::dim_param):
        dim.value = std::string(reader.text());
        break;
      case len_tag(f::dim::denotation):
        dim.denotation = reader.text();
        break;
      default:
        context.keep(dim.rest, reader);
    }
  }
}

void parse_shape(Reader& reader, const ParseContext& context, Shape& shape) {
  while (reader.next()) {
    if (reader.tag() == len_tag(f::shape::dim)) {
      const auto index = static_cast<std::ptrdiff_t>(shape.dims.size());
      Reader inside = reader.nested(f::shape::dim, index);
      parse_dim(inside, context, shape.dims.emplace_back());
    } else {
      context.keep(shape.rest, reader);
    }
  }
}

void parse_tensor_type(Reader& reader, const ParseContext& context, Type& type) {
  while (reader.next()) {
    switch (reader.tag()) {
      case varint_tag(f::tensor_type::elem_type):
        type.elem = reader.int32();
        break;
      case len_tag(f::tensor_type::shape): {
        if (!type.shape) type.shape.emplace();
        Reader inside = reader.nested(f::tensor_type::shape);
        parse_shape(inside, context, *type.shape);
        break;
      }
      default:
        context.keep(type.inner_rest, reader);
    }
  }
}

void parse_container_type(Reader& reader, const ParseContext& context, Type& type) {
  while (reader.next()) {
    if (reader.tag() == len_tag(f::sequence_type::elem_type)) {
      parse_shared(reader, context, f::sequence_type::elem_type, -1, type.inner, parse_type);
    } else {
      context.keep(type.inner_rest, reader);
    }
  }
}

void parse_map_type(Reader& reader, const ParseContext& context, Type& type) {
  while (reader.next()) {
    switch (reader.tag()) {
      case varint_tag(f::map_type::key_type):
        type.elem = reader.int32();
        break;
      case len_tag(f::map_type::value_type):
        parse_shared(reader, context, f::map_type::value_type, -1, type.inner, parse_type);
        break;
      default:
        context.keep(type.inner_rest, reader);
    }
  }
}

void parse_opaque_type(Reader& reader, const ParseContext& context, Type& type) {
  while (reader.next()) {
    switch (reader.tag()) {
      case len_tag(f::opaque_type::domain):
        type.opaque_domain = reader.text();
        break;
      case len_tag(f::opaque_type::name):
        type.opaque_name = reader.text();
        break;
      default:
        context.keep(type.inner_rest, reader);
    }
  }
}

// `value` is a oneof: another alternative replaces the one that was read before.
void enter(Type& type, Type::Kind kind) {
  if (type.kind == kind) return;
  type.kind = kind;
  type.elem.reset();
  type.shape.reset();
  type.inner.reset();
  type.opaque_domain = type.opaque_name = Text();
  type.inner_rest = Rest();
}

template <class Parse>
void parse_alternative(Reader& reader, const ParseContext& context, Field field, Type& type,
                       Type::Kind kind, Parse&& parse) {
  enter(type, kind);
  Reader inside = reader.nested(field);
  parse(inside, context, type);
}

}  // namespace

void parse_type(Reader& reader, const ParseContext& context, Type& type) {
  using Kind = Type::Kind;
  const auto alternative = [&](Field field, Kind kind, auto&& parse) {
    parse_alternative(reader, context, field, type, kind, parse);
  };
  while (reader.next()) {
    switch (reader.tag()) {
      case len_tag(f::type::tensor_type):
        alternative(f::type::tensor_type, Kind::tensor, parse_tensor_type);
        break;
      case len_tag(f::type::sparse_tensor_type):
        alternative(f::type::sparse_tensor_type, Kind::sparse_tensor, parse_tensor_type);
        break;
      case len_tag(f::type::sequence_type):
        alternative(f::type::sequence_type, Kind::sequence, parse_container_type);
        break;
      case len_tag(f::type::optional_type):
        alternative(f::type::optional_type, Kind::optional, parse_container_type);
        break;
      case len_tag(f::type::map_type):
        alternative(f::type::map_type, Kind::map, parse_map_type);
        break;
      case len_tag(f::type::opaque_type):
        alternative(f::type::opaque_type, Kind::opaque, parse_opaque_type);
        break;
      case len_tag(f::type::denotation):
        type.denotation = reader.text();
        break;
      default:
        context.keep(type.rest, reader);
    }
  }
}

}  // namespace pot
