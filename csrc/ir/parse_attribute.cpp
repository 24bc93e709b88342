#include <array>

#include "ir/parse.h"
#include "wire/fields.h"

namespace pot {
namespace {

namespace f = fields::attribute;

/// A type, the field that holds a value of it, and the wire type of one such field.
struct Slot {
  AttributeType type;
  Field field;
  WireType wire;
};

constexpr std::array<Slot, 14> kSlots{{
    {AttributeType::float_, f::f, WireType::fixed32},
    {AttributeType::int_, f::i, WireType::varint},
    {AttributeType::string, f::s, WireType::len},
    {AttributeType::tensor, f::t, WireType::len},
    {AttributeType::graph, f::g, WireType::len},
    {AttributeType::floats, f::floats, WireType::fixed32},
    {AttributeType::ints, f::ints, WireType::varint},
    {AttributeType::strings, f::strings, WireType::len},
    {AttributeType::tensors, f::tensors, WireType::len},
    {AttributeType::graphs, f::graphs, WireType::len},
    {AttributeType::type, f::tp, WireType::len},
    {AttributeType::types, f::type_protos, WireType::len},
    {AttributeType::sparse_tensor, f::sparse_tensor, WireType::len},
    {AttributeType::sparse_tensors, f::sparse_tensors, WireType::len},
}};

bool holds(const Slot& slot, std::uint32_t tag) noexcept {
  const bool packable = slot.type == AttributeType::floats || slot.type == AttributeType::ints;
  return tag == tag_of(slot.field, slot.wire) || (packable && tag == len_tag(slot.field));
}

/// Reads all but the values; tells which slot has the one that counts, if any.
const Slot* parse_header(Reader& reader, Attribute& attribute, bool& present) {
  std::array<bool, kSlots.size()> seen{};
  while (reader.next()) {
    switch (reader.tag()) {
      case len_tag(f::name):
        attribute.name = reader.text();
        break;
      case len_tag(f::doc_string):
        attribute.doc_string = reader.text();
        break;
      case len_tag(f::ref_attr_name):
        attribute.ref_name = reader.text();
        break;
      case varint_tag(f::type):
        attribute.type = reader.int32();
        break;
      default:
        for (std::size_t i = 0; i < kSlots.size(); ++i) {
          seen[i] = seen[i] || holds(kSlots[i], reader.tag());
        }
    }
  }
  const auto type = static_cast<AttributeType>(attribute.type.value_or(0));
  for (std::size_t i = 0; i < kSlots.size(); ++i) {
    if (type == AttributeType::undefined ? seen[i] : kSlots[i].type == type) {
      present = seen[i];
      return &kSlots[i];
    }
  }
  return nullptr;
}

AttributeValue default_value(AttributeType type) {
  switch (type) {
    case AttributeType::float_:
      return 0.0F;
    case AttributeType::int_:
      return std::int64_t{0};
    case AttributeType::string:
      return std::string();
    case AttributeType::floats:
      return std::vector<float>();
    case AttributeType::ints:
      return std::vector<std::int64_t>();
    case AttributeType::strings:
      return std::vector<std::string>();
    case AttributeType::tensors:
      return std::vector<TensorRef>();
    case AttributeType::graphs:
      return std::vector<GraphPtr>();
    case AttributeType::types:
      return std::vector<TypeRef>();
    case AttributeType::sparse_tensors:
      return std::vector<SparseTensorRef>();
    case AttributeType::tensor:
      return TensorRef();
    case AttributeType::graph:
      return GraphPtr();
    case AttributeType::type:
      return TypeRef();
    case AttributeType::sparse_tensor:
      return SparseTensorRef();
    case AttributeType::undefined:
      break;
  }
  return std::monostate();
}

/// Reads one field into the value; the value has the alternative that belongs to the field.
struct ParseValue {
  Reader& reader;
  const ParseContext& context;
  Field field;

  void operator()(std::monostate) const {}
  void operator()(float& value) const { value = reader.float32(); }
  void operator()(std::int64_t& value) const { value = reader.int64(); }
  void operator()(std::string& value) const { value = reader.text(); }
  void operator()(std::vector<float>& value) const { reader.floats(field, value); }
  void operator()(std::vector<std::int64_t>& value) const { reader.int64s(field, value); }
  void operator()(std::vector<std::string>& value) const { value.emplace_back(reader.text()); }
  void operator()(TensorRef& value) const {
    parse_shared(reader, context, field, -1, value, parse_tensor);
  }
  void operator()(TypeRef& value) const {
    parse_shared(reader, context, field, -1, value, parse_type);
  }
  void operator()(SparseTensorRef& value) const {
    parse_shared(reader, context, field, -1, value, parse_sparse_tensor);
  }
  void operator()(std::vector<TensorRef>& value) const {
    parse_element(reader, context, field, value, parse_tensor);
  }
  void operator()(std::vector<TypeRef>& value) const {
    parse_element(reader, context, field, value, parse_type);
  }
  void operator()(std::vector<SparseTensorRef>& value) const {
    parse_element(reader, context, field, value, parse_sparse_tensor);
  }
  void operator()(GraphPtr& value) const {
    if (!value) value = std::make_shared<Graph>();
    Reader inside = reader.nested(field);
    parse_graph(inside, context, *value);
  }
  void operator()(std::vector<GraphPtr>& value) const {
    const auto index = static_cast<std::ptrdiff_t>(value.size());
    value.push_back(std::make_shared<Graph>());
    Reader inside = reader.nested(field, index);
    parse_graph(inside, context, *value.back());
  }
};

bool is_header(std::uint32_t tag) noexcept {
  return tag == len_tag(f::name) || tag == len_tag(f::doc_string) ||
         tag == len_tag(f::ref_attr_name) || tag == varint_tag(f::type);
}

}  // namespace

// Which field has the value is only known at the end, since fields come in any order: so twice.
void parse_attribute(Reader& reader, const ParseContext& context, Attribute& attribute) {
  Reader ahead = reader;
  bool present = false;
  const Slot* slot = parse_header(ahead, attribute, present);
  const bool refers = attribute.ref_name.present && !present;
  if (slot && !refers) attribute.value = default_value(slot->type);
  attribute.value_present = present;
  while (reader.next()) {
    if (is_header(reader.tag())) continue;
    if (slot && holds(*slot, reader.tag())) {
      std::visit(ParseValue{reader, context, slot->field}, attribute.value);
    } else {
      context.keep(attribute.rest, reader);
    }
  }
}

}  // namespace pot
