#include "ir/type.h"

namespace pot {
namespace {

std::string dim_text(const Dim& dim) {
  if (const auto number = dim.number()) return std::to_string(*number);
  if (const auto* symbol = dim.symbol(); symbol && !symbol->empty()) return *symbol;
  return "?";
}

std::string shape_text(const std::optional<Shape>& shape) {
  if (!shape) return "[...]";
  std::string out = "[";
  for (const Dim& dim : shape->dims) {
    if (out.size() > 1) out += ", ";
    out += dim_text(dim);
  }
  return out + "]";
}

}  // namespace

std::optional<std::vector<std::int64_t>> Shape::numbers() const {
  std::vector<std::int64_t> out;
  out.reserve(dims.size());
  for (const Dim& dim : dims) {
    const auto number = dim.number();
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

TypeRef tensor_type(DType dtype, std::optional<std::vector<Dim>> dims) {
  auto type = std::make_shared<Type>();
  type->kind = Type::Kind::tensor;
  type->elem = static_cast<std::int32_t>(dtype);
  if (dims) type->shape = Shape{std::move(*dims), {}};
  return type;
}

TypeRef type_named(std::string_view text) {
  if (const auto dtype = dtype_named(text)) return tensor_type(*dtype, std::nullopt);
  for (const auto& [word, kind] :
       {std::pair{std::string_view("sequence("), Type::Kind::sequence},
        std::pair{std::string_view("optional("), Type::Kind::optional}}) {
    if (!text.starts_with(word) || !text.ends_with(')')) continue;
    auto type = std::make_shared<Type>();
    type->kind = kind;
    type->inner = type_named(text.substr(word.size(), text.size() - word.size() - 1));
    return type->inner ? type : nullptr;
  }
  return nullptr;
}

std::string type_text(const Type* type) {
  if (!type) return "unknown";
  switch (type->kind) {
    case Type::Kind::tensor:
      return dtype_name(type->dtype()) + shape_text(type->shape);
    case Type::Kind::sparse_tensor:
      return "sparse(" + dtype_name(type->dtype()) + shape_text(type->shape) + ")";
    case Type::Kind::sequence:
      return "sequence(" + type_text(type->inner.get()) + ")";
    case Type::Kind::optional:
      return "optional(" + type_text(type->inner.get()) + ")";
    case Type::Kind::map:
      return "map(" + dtype_name(type->dtype()) + ", " + type_text(type->inner.get()) + ")";
    case Type::Kind::opaque:
      return "opaque(" + type->opaque_domain.value + ", " + type->opaque_name.value + ")";
    case Type::Kind::none:
      break;
  }
  return "unknown";
}

}  // namespace pot
