#pragma once
// A graph: nodes in a stable store, values by id and name, edits that keep both in step.

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/ids.h"
#include "ir/node.h"

namespace pot {

class Model;
struct Function;

/// ValueInfoProto: an input, output or annotated value.
struct ValueInfo : Message {
  ValueId value;
  bool name_present = true;
  TypeRef type;  ///< may be null: an output need not have a type
  Text doc_string;
};

/// One place where a node reads a value.
struct Use {
  /// Slot of a use through a body of the node instead of through one of its inputs.
  static constexpr std::uint32_t kCaptured = std::numeric_limits<std::uint32_t>::max();

  NodeId node;
  std::uint32_t slot = 0;
  friend bool operator==(const Use&, const Use&) = default;
};

/// Everything that one graph knows of one name.
struct Value {
  std::string name;
  NodeId producer;  ///< the first node that has it as output; none for inputs, initializers, outer
  std::uint32_t producer_slot = 0;
  std::uint32_t definitions = 0;  ///< producing slots: more than 1 is an error that verify() names
  bool is_input = false;
  bool is_output = false;
  TensorRef initializer;  ///< may be null
  SparseTensorRef sparse_initializer;
  std::vector<Use> uses;  ///< by inputs of nodes of this graph; see Graph::uses for all
  // Places in Graph::inputs(), outputs() and value_infos(); -1 for none.
  std::ptrdiff_t input_index = -1;
  std::ptrdiff_t output_index = -1;
  std::ptrdiff_t info_index = -1;
};

/// Names in the graph that a node comes from -> names in the graph that it goes to.
using RenameMap = std::unordered_map<std::string, std::string>;

class Graph : public std::enable_shared_from_this<Graph> {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  [[nodiscard]] const Text& name() const noexcept { return name_; }
  [[nodiscard]] const Text& doc_string() const noexcept { return doc_string_; }

  /// Ids of the nodes in the order in which the file lists them.
  [[nodiscard]] std::span<const NodeId> nodes() const noexcept { return listing_; }
  /// nullptr when there is no such node (any more).
  [[nodiscard]] const Node* find(NodeId id) const noexcept;
  /// Pre: the node exists.
  [[nodiscard]] const Node& node(NodeId id) const noexcept;

  /// Ids are 0 .. value_count()-1; some may no longer be used by anything.
  [[nodiscard]] std::uint32_t value_count() const noexcept {
    return static_cast<std::uint32_t>(values_.size());
  }
  [[nodiscard]] const Value& value(ValueId id) const noexcept;
  /// No id when this graph does not mention the name.
  [[nodiscard]] ValueId find_value(std::string_view value_name) const noexcept;
  /// "" for no id.
  [[nodiscard]] std::string_view value_name(ValueId id) const noexcept;

  [[nodiscard]] std::span<const ValueInfo> inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::span<const ValueInfo> outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::span<const ValueInfo> value_infos() const noexcept { return infos_; }
  [[nodiscard]] std::span<const TensorRef> initializers() const noexcept { return initializers_; }
  [[nodiscard]] std::span<const SparseTensorRef> sparse_initializers() const noexcept {
    return sparse_initializers_;
  }

  /// Declared type: of the input, output or value info of that name, else of the initializer,
  /// else (an outer value) what the parent declares. Null when nothing is declared.
  [[nodiscard]] TypeRef type(ValueId id) const;
  /// Initializer of that name here or, for an outer value, in a parent; null when there is none.
  /// A graph input with an initializer is overridable, so it counts only when `overridable`.
  [[nodiscard]] TensorRef constant(ValueId id, bool overridable = false) const;
  /// Defined here: an input, an initializer or the output of a node.
  [[nodiscard]] bool is_defined(ValueId id) const noexcept;
  /// Read here but defined in a graph around this one (or nowhere, which verify() reports).
  [[nodiscard]] bool is_outer(ValueId id) const noexcept { return !is_defined(id); }
  /// All places that read it, through inputs and through bodies (`Use::kCaptured`).
  /// Graph outputs are not uses: see Value::is_output.
  [[nodiscard]] std::vector<Use> uses(ValueId id) const;
  /// Values of this graph that the bodies of a node read, bodies inside bodies included.
  /// A name that only the bodies mention gets an id here. In order of first use, no repeats.
  [[nodiscard]] std::span<const ValueId> captures(NodeId id) const;

  /// The nodes so that producers come first; listing order wherever that is free. Files need not
  /// be sorted. Error: a cycle (names a node on it).
  [[nodiscard]] Result<std::vector<NodeId>> order() const;

  /// The graph around a body; nullptr for the main graph and function bodies.
  [[nodiscard]] const Graph* parent() const noexcept { return parent_; }
  [[nodiscard]] Graph* parent() noexcept { return parent_; }
  /// The node of parent() whose body this is.
  [[nodiscard]] NodeId owner_node() const noexcept { return owner_; }
  /// nullptr while the graph is not part of a model.
  [[nodiscard]] const Model* model() const noexcept;
  /// The function whose body this is (or is inside of), or nullptr.
  [[nodiscard]] const Function* function() const noexcept;
  /// Version that the model (or the function) imports of a domain.
  [[nodiscard]] std::optional<std::int64_t> opset(std::string_view domain = "") const;
  [[nodiscard]] const Message& message() const noexcept { return message_; }
  [[nodiscard]] std::vector<MetadataEntry> metadata() const;

  // Each one marks this graph and all around it as changed, so that they are written anew.

  // A text that is not present takes the field away.
  void set_name(Text name);
  void set_doc_string(Text text);
  void set_metadata(std::span<const MetadataEntry> entries);

  /// The id of a name, new if need be. "" gives no id.
  ValueId intern(std::string_view value_name);
  /// A name that nothing here, around or inside uses: `base`, `base_1`, ...
  [[nodiscard]] std::string fresh_name(std::string_view base) const;

  /// Adds it at the end, or before another node. Its bodies become bodies of this graph.
  NodeId add_node(Node node, NodeId before = {});
  /// The id is never reused. Values that it made stay known by name, without a producer.
  void remove_node(NodeId id);
  /// All at once, which is faster than one after the other. Pre: they exist, each listed once.
  void remove_nodes(std::span<const NodeId> ids);
  void set_input(NodeId id, std::size_t slot, ValueId value);
  void set_inputs(NodeId id, std::vector<ValueId> values);
  void set_outputs(NodeId id, std::vector<ValueId> values);
  /// Every use by a node and by bodies reads `to` instead (graph outputs are left alone).
  /// A body that has a value of its own under the name of `to` gets another name for it.
  void replace_uses(ValueId from, ValueId to);
  /// As replace_uses, of one use.
  void replace_use(const Use& use, ValueId from, ValueId to);
  void set_attribute(NodeId id, Attribute attribute);
  void remove_attribute(NodeId id, std::string_view attribute_name);
  void set_op_type(NodeId id, std::string op_type, std::string domain);
  void set_node_name(NodeId id, Text node_name);
  void set_node_doc_string(NodeId id, Text text);
  void set_metadata(NodeId id, std::span<const MetadataEntry> entries);
  /// Gives a value another name everywhere, bodies that capture it included.
  /// Error: the name is taken here or around, or the value is defined outside of this graph.
  Status rename_value(ValueId id, std::string new_name);
  /// As `rename_value`, of several in one pass. A new name must not be one of a value of now.
  Status rename_values(const RenameMap& names);

  /// `type` may be null. Position: at the end unless given.
  void add_input(ValueId value, TypeRef type, std::optional<std::size_t> position = {});
  void add_output(ValueId value, TypeRef type, std::optional<std::size_t> position = {});
  void remove_input(ValueId value);
  void remove_output(ValueId value);
  /// Lists them in this order. Error: not each of them once.
  Status order_inputs(std::span<const ValueId> values);
  Status order_outputs(std::span<const ValueId> values);
  void clear_outputs();
  /// Declares the type: in the input or output of that name, else as value info. Null forgets it.
  void set_type(ValueId value, TypeRef type);
  /// Of the input, output or value info; nothing happens to a value that has none.
  void set_value_doc_string(ValueId value, Text text);
  /// As above; empty when there is none.
  [[nodiscard]] std::string_view value_doc_string(ValueId id) const noexcept;
  /// Replaces an initializer of the same name. Its value id is returned.
  ValueId set_initializer(TensorRef tensor);
  void remove_initializer(ValueId value);
  /// All at once. Sparse ones too.
  void remove_initializers(std::span<const ValueId> values);
  void remove_value_info(ValueId value);
  /// The types of values that are neither inputs nor outputs, in this order; none is null. One that
  /// is declared like this already keeps its bytes.
  void set_value_infos(std::span<const std::pair<ValueId, TypeRef>> types);
  /// Lists the nodes in the order that `order()` gives.
  Status sort();

  /// Copies a node of another graph, with its bodies, to the end of this one or before a node.
  /// Inputs, outputs and captured names go through `names`; what is not in it keeps its name.
  /// Bytes are shared.
  NodeId adopt(const Graph& from, NodeId id, const RenameMap& names = {}, NodeId before = {});
  /// A deep copy with the same ids that shares all bytes; part of no model yet.
  [[nodiscard]] GraphPtr clone() const;
  /// Forgets all spans beneath and above, so that everything is written anew.
  void touch_all();

 private:
  friend class GraphLoader;
  friend class ModelLoader;
  friend class Model;

  ValueId know(std::string_view value_name) const;
  Node& edit(NodeId id);
  void changed();
  void link(const Node& node);
  void unlink(const Node& node);
  void attach_bodies(Node& node);
  void own(Model* model, Function* function) noexcept;
  void put(std::vector<ValueInfo>& list, ValueId value, TypeRef type,
           std::optional<std::size_t> position);
  void drop(std::vector<ValueInfo>& list, ValueId value);
  Status order(std::vector<ValueInfo>& list, std::span<const ValueId> values, const char* what);
  void index_infos();
  void rename_local(ValueId id, std::string new_name);
  void rename_free(const RenameMap& names);
  void move_name(ValueId id, const std::string& new_name);
  void move_names(const RenameMap& names);
  [[nodiscard]] std::vector<GraphPtr> bodies_reading(ValueId id) const;
  void copy_into(Graph& to) const;
  void collect_captured(std::vector<std::string_view>& names) const;
  [[nodiscard]] bool mentions(std::string_view value_name) const;

  Message message_;
  Text name_;
  Text doc_string_;
  std::vector<std::unique_ptr<Node>> store_;
  std::vector<NodeId> listing_;
  // Mutable: looking at a body may show a name that this graph did not know of yet.
  mutable std::deque<Value> values_;
  mutable std::unordered_map<std::string_view, ValueId> by_name_;  // keys lie in values_
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
  std::vector<ValueInfo> infos_;
  std::vector<TensorRef> initializers_;
  std::vector<SparseTensorRef> sparse_initializers_;
  Graph* parent_ = nullptr;
  NodeId owner_;
  Model* model_ = nullptr;
  Function* function_ = nullptr;
  using CaptureIndex = std::unordered_map<NodeId, std::vector<ValueId>>;
  mutable std::optional<CaptureIndex> captures_;
};

}  // namespace pot
