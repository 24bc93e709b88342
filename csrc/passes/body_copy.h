#pragma once
// Nodes of a body, put into the graph around it.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/model.h"
#include "passes/changes.h"

namespace pot {

/// Names of the values and nodes of a model, so that copies get names of their own.
class TakenNames {
 public:
  explicit TakenNames(const Model& model);

  /// A body that is about to go needs its names no longer.
  void release(const Graph& body) { add(body, -1); }
  /// `base` where that is free, else "base_<number>" or the next free one. It is taken from now on.
  [[nodiscard]] std::string value(const std::string& base, std::int64_t number = 1);
  [[nodiscard]] std::string node(const std::string& base, std::int64_t number = 1);

 private:
  using Counts = std::unordered_map<std::string, int>;  // graphs that define the name

  void add(const Graph& graph, int times);
  static std::string unique(Counts& counts, const std::string& base, std::int64_t number);

  Counts values_;
  Counts nodes_;
};

/// Copies of one body, for one run of it or for several.
class BodyCopies {
 public:
  /// New nodes stand before `owner`, the node that has the body. With `once` the body runs a single
  /// time; otherwise nodes that are the same in every run are copied by the first one only.
  BodyCopies(Graph& around, NodeId owner, GraphPtr body, TakenNames& taken, bool once);

  /// `inputs` are names around the body, `wanted` the names that its outputs should get (none: "").
  /// Returns the names of its outputs. It is another one than wanted where no node of this copy
  /// makes the output for it alone: an outer value, an input, an initializer, the same value twice.
  std::vector<std::string> copy(const std::vector<std::string>& inputs,
                                const std::vector<std::string>& wanted);

 private:
  void hoist_initializers();
  [[nodiscard]] std::vector<NodeId> invariant_nodes() const;
  void adopt(NodeId id, RenameMap& names);
  void settle(Graph& graph, NodeId id);
  void declare(const Node& from, const Node& to);

  Graph& graph_;
  NodeId owner_;
  GraphPtr body_;
  TakenNames& taken_;
  bool once_;
  std::int64_t number_;           // of the copy
  std::vector<NodeId> per_copy_;  // nodes in topological order
  RenameMap shared_;              // what is the same in every copy
};

/// Readers of an output of a node that goes read `source` instead. An output of the graph gets its
/// name from an Identity before `owner`. Pre: no node makes `output` any more.
void hand_on(Graph& graph, NodeId owner, ValueId output, const std::string& source,
             TakenNames& taken, Changes& changes);

/// Whether an Identity could make this output of the graph: of sequences it can from opset 14 on,
/// of optionals from 16. `type` may be null.
[[nodiscard]] bool may_hand_on(const Graph& graph, ValueId output, const Type* type);

/// A node of the body makes this output, and no output before it is the same.
[[nodiscard]] bool makes_alone(const Graph& body, std::size_t slot);

/// Whether any node of the graph has a body. Most graphs have none: nothing else is looked at then.
[[nodiscard]] bool has_bodies(const Graph& graph);

/// Nodes in a graph and in all bodies inside.
[[nodiscard]] std::size_t count_nodes(const Graph& graph);

/// The body of this attribute, or null.
[[nodiscard]] GraphPtr body_of(const Node& node, std::string_view attribute);

/// A reason why the body cannot be copied that often; "" when it can.
[[nodiscard]] std::string_view why_not_copied(const Graph& body, bool once);

}  // namespace pot
