#pragma once
// A named attribute of a node.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ir/message.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace pot {

class Graph;
/// A body. It belongs to exactly one attribute of one node; shared only so that a handle from
/// outside can notice that it is gone.
using GraphPtr = std::shared_ptr<Graph>;

using AttributeValue =
    std::variant<std::monostate, float, std::int64_t, std::string, TensorRef, GraphPtr,
                 SparseTensorRef, TypeRef, std::vector<float>, std::vector<std::int64_t>,
                 std::vector<std::string>, std::vector<TensorRef>, std::vector<GraphPtr>,
                 std::vector<SparseTensorRef>, std::vector<TypeRef>>;

/// AttributeProto.AttributeType.
enum class AttributeType : std::int32_t {
  undefined = 0,
  float_ = 1,
  int_ = 2,
  string = 3,
  tensor = 4,
  graph = 5,
  floats = 6,
  ints = 7,
  strings = 8,
  tensors = 9,
  graphs = 10,
  sparse_tensor = 11,
  sparse_tensors = 12,
  type = 13,
  types = 14,
};

struct Attribute : Message {
  Text name;
  Text doc_string;
  /// In a function body: the attribute of the function whose value is taken. `value` is then unset.
  Text ref_name;
  std::optional<std::int32_t> type;
  /// The value that `type` announces. Old models have no type: then the field that is there.
  AttributeValue value;
  /// False when a scalar field is absent, so that `value` is its default.
  bool value_present = true;

  Attribute() = default;
  /// A new attribute; `type` follows from the value.
  Attribute(std::string attribute_name, AttributeValue attribute_value);
  Attribute(Attribute&&) noexcept = default;
  Attribute& operator=(Attribute&&) noexcept = default;
  Attribute(const Attribute&) = delete;  // a body has one owner: say clone() when you mean it
  Attribute& operator=(const Attribute&) = delete;

  /// A copy with its own bodies; tensors and types are shared.
  [[nodiscard]] Attribute clone() const;

  /// The bodies it holds: none, one or several.
  [[nodiscard]] std::vector<GraphPtr> graphs() const;

  /// The value if it has this type, else nullptr.
  template <class T>
  [[nodiscard]] const T* get() const noexcept {
    return std::get_if<T>(&value);
  }
};

/// The type that a value of this kind has on the wire.
[[nodiscard]] AttributeType attribute_type(const AttributeValue& value) noexcept;

/// Equal name, type and value; tensors by their elements, bodies are never equal.
[[nodiscard]] bool same_value(const Attribute& a, const Attribute& b);

}  // namespace pot
