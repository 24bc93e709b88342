#pragma once
// One node. A graph hands out const nodes only; it is edited through Graph.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attribute.h"
#include "ir/ids.h"
#include "ir/message.h"

namespace pot {

struct Node : Message {
  NodeId id;  ///< set by Graph::add_node
  Text name;
  Text op_type;
  Text domain;
  Text overload;
  Text doc_string;
  std::vector<ValueId> inputs;   ///< of the graph the node is in; no id: omitted
  std::vector<ValueId> outputs;  ///< likewise
  std::vector<Attribute> attributes;

  /// The attribute of this name, or nullptr.
  [[nodiscard]] const Attribute* attribute(std::string_view attribute_name) const noexcept;
  [[nodiscard]] std::optional<std::int64_t> attr_int(std::string_view attribute_name) const;
  [[nodiscard]] std::optional<float> attr_float(std::string_view attribute_name) const;
  /// nullptr when there is none (or it has another type).
  [[nodiscard]] const std::string* attr_string(std::string_view attribute_name) const;
  [[nodiscard]] const std::vector<std::int64_t>* attr_ints(std::string_view attribute_name) const;
  [[nodiscard]] TensorRef attr_tensor(std::string_view attribute_name) const;

  /// True for the ONNX domain, under both of its names ("" and "ai.onnx").
  [[nodiscard]] bool is_standard() const noexcept { return domain.empty() || domain == "ai.onnx"; }
  [[nodiscard]] bool is(std::string_view standard_op) const noexcept {
    return is_standard() && op_type == standard_op;
  }
  [[nodiscard]] bool has_bodies() const noexcept;
  [[nodiscard]] std::vector<GraphPtr> bodies() const;
  [[nodiscard]] std::vector<MetadataEntry> metadata() const;

  /// A copy with its own bodies. Its ids are those of the graph it came from.
  [[nodiscard]] Node clone() const;
};

}  // namespace pot
