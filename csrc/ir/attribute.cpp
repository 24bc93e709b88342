#include "ir/attribute.h"

#include <algorithm>
#include <type_traits>

#include "ir/graph.h"

namespace pot {
namespace {

GraphPtr clone_body(const GraphPtr& body) { return body ? body->clone() : nullptr; }

AttributeValue clone_value(const AttributeValue& value) {
  if (const auto* body = std::get_if<GraphPtr>(&value)) return clone_body(*body);
  if (const auto* bodies = std::get_if<std::vector<GraphPtr>>(&value)) {
    std::vector<GraphPtr> out;
    for (const auto& body : *bodies) out.push_back(clone_body(body));
    return out;
  }
  return value;
}

bool same_elements(const TensorRef& a, const TensorRef& b) {
  if (a == b) return true;
  if (!a || !b || a->data_type != b->data_type || a->dims != b->dims) return false;
  if (a->dtype() == DType::string) {
    const auto left = a->strings(), right = b->strings();
    return left && right && left.value() == right.value();
  }
  const auto left = a->data(), right = b->data();
  return left && right && std::ranges::equal(left.value().view, right.value().view);
}

struct SameValue {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    if constexpr (std::is_same_v<T, TensorRef>) {
      return same_elements(a, b);
    } else if constexpr (std::is_same_v<T, TypeRef>) {
      return type_text(a.get()) == type_text(b.get());
    } else if constexpr (std::is_same_v<T, SparseTensorRef>) {
      return a && b && a->dims == b->dims && same_elements(a->values, b->values) &&
             same_elements(a->indices, b->indices);
    } else if constexpr (std::is_same_v<T, GraphPtr> || std::is_same_v<T, std::vector<GraphPtr>>) {
      return false;
    } else if constexpr (std::is_same_v<T, std::vector<TensorRef>> ||
                         std::is_same_v<T, std::vector<TypeRef>> ||
                         std::is_same_v<T, std::vector<SparseTensorRef>>) {
      return std::ranges::equal(a, b, SameValue{});
    } else {
      return a == b;
    }
  }
  template <class T, class U>
  bool operator()(const T&, const U&) const {
    return false;
  }
};

}  // namespace

AttributeType attribute_type(const AttributeValue& value) noexcept {
  using enum AttributeType;
  // In the order of the alternatives of AttributeValue.
  constexpr AttributeType kTypes[] = {undefined, float_,        int_,   string,         tensor,
                                      graph,     sparse_tensor, type,   floats,         ints,
                                      strings,   tensors,       graphs, sparse_tensors, types};
  static_assert(std::size(kTypes) == std::variant_size_v<AttributeValue>);
  return kTypes[value.index()];
}

Attribute::Attribute(std::string attribute_name, AttributeValue attribute_value)
    : name(std::move(attribute_name)),
      type(static_cast<std::int32_t>(attribute_type(attribute_value))),
      value(std::move(attribute_value)) {}

Attribute Attribute::clone() const {
  Attribute out;
  static_cast<Message&>(out) = *this;
  out.name = name;
  out.doc_string = doc_string;
  out.ref_name = ref_name;
  out.type = type;
  out.value = clone_value(value);
  out.value_present = value_present;
  return out;
}

std::vector<GraphPtr> Attribute::graphs() const {
  if (const auto* bodies = get<std::vector<GraphPtr>>()) return *bodies;
  if (const auto* body = get<GraphPtr>(); body && *body) return {*body};
  return {};
}

bool same_value(const Attribute& a, const Attribute& b) {
  return a.name == b.name && a.ref_name == b.ref_name && std::visit(SameValue{}, a.value, b.value);
}

}  // namespace pot
