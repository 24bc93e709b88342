#pragma once
// What the layout rule of an operator is asked, and what it answers: how a node looks when one of
// its operands is stored in another layout.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/attribute.h"
#include "ir/layout.h"
#include "ops/shared/shape_rule.h"

namespace pot {

/// An operand of a node.
struct Operand {
  bool output = false;
  std::size_t slot = 0;
  friend bool operator==(const Operand&, const Operand&) = default;
};

/// The node as the file has it, with what is known of its inputs and outputs.
class LayoutNode {
 public:
  LayoutNode(const NodeFacts& at, std::span<const Fact> outputs) : at_(at), outputs_(outputs) {}

  [[nodiscard]] const NodeFacts& at() const noexcept { return at_; }
  /// Unknown for an output that is omitted.
  [[nodiscard]] const Fact& out(std::size_t slot) const noexcept;
  [[nodiscard]] const Fact& of(Operand operand) const noexcept;
  /// Rank of an operand; nothing when it is not known.
  [[nodiscard]] std::optional<std::size_t> rank(Operand operand) const noexcept;

 private:
  const NodeFacts& at_;
  std::span<const Fact> outputs_;
};

/// What a redrawn node reads at one of its slots.
struct DrawnInput {
  enum class From {
    nothing,   ///< omitted
    input,     ///< input `index` of the node, in the layout that the answer gives for it
    drawn,     ///< the output of drawn node `index`, an earlier one
    constant,  ///< `tensor`
  };
  From from = From::nothing;
  std::size_t index = 0;
  TensorRef tensor{};
  /// After the layout: axes of size 1 put in, at these places of the result (as Unsqueeze has it).
  /// Of a constant that is done once, of anything else by a node.
  std::vector<std::int64_t> unsqueeze{};
  /// After the layout: axes of size 1 taken out, at these places (as Squeeze has it). Likewise.
  std::vector<std::int64_t> squeeze{};
  /// Of a 1-D operand that is only known when the model runs: its elements in this order (Gather).
  std::vector<std::int64_t> take{};
};

[[nodiscard]] DrawnInput from_input(std::size_t slot);
[[nodiscard]] DrawnInput from_drawn(std::size_t index);
[[nodiscard]] DrawnInput from_ints(std::span<const std::int64_t> elements);

/// A node of the new graph.
struct DrawnNode {
  std::string op_type;
  std::string domain{};
  std::vector<Attribute> attributes{};
  std::vector<DrawnInput> inputs{};
  /// The output of the node that is the only one this makes; of the last one nothing: all outputs
  /// that no other one makes.
  std::optional<std::size_t> makes{};
};

/// What becomes of one node. Layouts are those of the values as the file has them: input 2 in
/// layout L is read as Transpose(input 2, L.perm). Constants may be asked for in any layout.
struct Relayout {
  std::vector<Layout> inputs;   ///< one for each slot; rank 0 where it is omitted or not a tensor
  std::vector<Layout> outputs;  ///< likewise
  /// The last one has the outputs of the node. Empty: the node stays exactly as it is, reading and
  /// making other layouts (Relu).
  std::vector<DrawnNode> nodes;
};

/// How the node looks when `operand` is stored as `layout`; a Refusal (an Error of kind `refused`)
/// says why it cannot: "axis cuts the tensor in two before opset 13". Where several answers are
/// right, the one with the fewest bytes moved around the node; an answer must compute the same.
/// Only asked with a layout that is no identity and has the rank of the operand, which is known.
/// Reads, decides, returns; nothing is edited.
using LayoutRule = Result<Relayout> (*)(const LayoutNode& node, Operand operand,
                                        const Layout& layout);

/// How the weights of a channels-last convolution lie.
enum class FilterLayout : std::uint8_t { oihw, ohwi, hwio };

/// The node as a call of a model-local function that computes it channels-last; a Refusal says why
/// there is none. `nodes` holds the call; its op_type names the function, the domain is left empty.
using ChannelsLastRule = Result<Relayout> (*)(const LayoutNode& node, FilterLayout filters);

[[nodiscard]] Error refuse(std::string reason);

/// Every operand as the file has it: what a rule starts from.
[[nodiscard]] Relayout unmoved(const LayoutNode& node);

/// The drawn node that is the node itself: same op_type, domain, attributes, inputs in their slots.
[[nodiscard]] DrawnNode redrawn(const LayoutNode& node);
/// Replaces or adds an attribute.
void put_attribute(DrawnNode& node, std::string name, AttributeValue value);
void drop_attribute(DrawnNode& node, std::string_view name);

/// Where a (possibly negative) axis of the value lies in what is stored. Nothing when it is outside
/// of the rank.
[[nodiscard]] std::optional<std::int64_t> stored_axis(const Layout& layout, std::int64_t axis);

/// A broadcast operand of `rank` axes beside a result of `layout`: the layout in which it is read,
/// and the axes of size 1 that have to be put in (`unsqueeze`). Its axes are the last of the
/// result's. Pre: rank <= layout.rank(), layout is plain.
struct Aligned {
  Layout layout;
  std::vector<std::int64_t> unsqueeze;
};
[[nodiscard]] Aligned aligned(const Layout& layout, std::size_t rank);

}  // namespace pot
