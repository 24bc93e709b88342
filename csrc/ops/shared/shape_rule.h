#pragma once
// What the shape rule of an operator reads, and what it returns.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/graph.h"
#include "ops/shared/fact.h"

namespace pot {

/// One fact for each output, as far as something is known: fewer than there are outputs is fine.
/// Error: the sizes contradict each other; its message says which ("x has 3 channels, w takes 64").
using Inferred = Result<std::vector<Fact>>;

/// A node with what is known of its inputs.
class NodeFacts {
 public:
  /// Infers a body with these facts for its inputs: the facts of its outputs.
  using Body = std::function<Inferred(const Graph& body, std::span<const Fact> inputs)>;

  NodeFacts(const Graph& graph, const Node& node, std::int64_t opset, std::vector<Fact> inputs,
            Body body = {});

  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }
  [[nodiscard]] const Node& node() const noexcept { return node_; }
  /// Version of the node's domain that the model imports.
  [[nodiscard]] std::int64_t opset() const noexcept { return opset_; }

  [[nodiscard]] std::size_t input_count() const noexcept { return inputs_.size(); }
  [[nodiscard]] std::size_t output_count() const noexcept { return node_.outputs.size(); }
  /// Input `slot` is given, not omitted.
  [[nodiscard]] bool has(std::size_t slot) const noexcept {
    return slot < inputs_.size() && bool(node_.inputs[slot]);
  }
  /// An unknown fact for an input that is omitted or not there.
  [[nodiscard]] const Fact& in(std::size_t slot) const noexcept;
  [[nodiscard]] std::span<const Fact> inputs() const noexcept { return inputs_; }
  /// "input 1 'w'", for messages.
  [[nodiscard]] std::string input_label(std::size_t slot) const;

  [[nodiscard]] std::int64_t attr_int(std::string_view name, std::int64_t otherwise) const;
  [[nodiscard]] float attr_float(std::string_view name, float otherwise) const;
  [[nodiscard]] std::string attr_string(std::string_view name, std::string otherwise) const;
  /// Nothing when there is no such attribute.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> attr_ints(std::string_view name) const;

  /// `axes` and the like, which moved from attributes to inputs: the attribute of this name, else
  /// the numbers of input `slot`. Empty optional inside: it is given but not known.
  struct Listed {
    bool given = false;
    std::optional<std::vector<std::int64_t>> numbers;
  };
  [[nodiscard]] Listed ints_or_input(std::string_view name, std::size_t slot) const;

  /// A size that the data decides; the reason names this node ("NonZero 'nz' of data").
  [[nodiscard]] Expr unknown_size(std::string_view why) const;
  [[nodiscard]] Expr unknown_value(std::string_view why) const;
  /// `rank` sizes of which nothing is known.
  [[nodiscard]] Dims unknown_dims(std::size_t rank, std::string_view why) const;
  /// "node 'conv1' (Conv)" as messages name it.
  [[nodiscard]] std::string label() const;

  /// Pre: the node has this body.
  [[nodiscard]] Inferred infer_body(std::string_view attribute, std::span<const Fact> inputs) const;

 private:
  const Graph& graph_;
  const Node& node_;
  std::int64_t opset_;
  std::vector<Fact> inputs_;
  Body body_;
};

/// Reads, decides, returns; nothing is edited.
using ShapeRule = Inferred (*)(const NodeFacts& at);

/// A sizes-contradict-each-other Error.
[[nodiscard]] Error contradiction(std::string message);

/// -1 is the last axis. Nothing when it is outside of the rank.
[[nodiscard]] std::optional<std::size_t> normalized_axis(std::int64_t axis, std::size_t rank);

/// The shape that shapes broadcast to (numpy's rule). Error: two sizes above 1 that differ.
[[nodiscard]] Result<Dims> broadcast_dims(std::span<const Dims> shapes);

}  // namespace pot
