#pragma once
// A graph reduced to what matters when two graphs are laid side by side.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "passes/constant_key.h"

namespace pot {

/// The main graph without what changes no number: dead nodes are left out, a value that is only
/// handed through (no_op.h) stands for its source, Constants and initializers are one thing, and
/// nodes that compute the same from the same are merged.
struct Skeleton {
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Input {
    std::uint32_t node;
    std::uint32_t slot;
  };
  struct Value {
    ValueId id;                      ///< the value itself, not one that stands for it
    std::uint32_t producer = kNone;  ///< index into nodes
    std::uint32_t slot = 0;
    std::uint64_t constant = 0;        ///< hash of dtype, dims and content; 0: not a constant
    std::uint64_t constant_shape = 0;  ///< hash of dtype and dims only
    std::uint64_t constant_elements = 0;
    bool is_output = false;
    std::uint32_t root = kNone;  ///< the value whose elements these are, rearranged; else itself
    std::vector<Input> uses;     ///< captured values have the slots behind the inputs
    std::vector<ValueId> twins;  ///< values of merged nodes: always equal to this one
  };
  struct Node {
    NodeId id;
    std::uint64_t op = 0;          ///< domain, op_type, overload, which outputs there are
    std::uint64_t attributes = 0;  ///< all attributes, bodies and the called function included
    bool commutative = false;
    bool rearranges = false;  ///< output 0 holds the elements of input 0 in another order or shape
    std::vector<std::uint32_t> inputs;  ///< explicit inputs, then captured ones; kNone: omitted
    std::vector<std::uint32_t> outputs;
  };

  std::vector<Node> nodes;  ///< topological
  std::vector<Value> values;
  std::vector<std::uint32_t> of_value;  ///< by ValueId.index: the value that stands for it
  struct NoOp {
    NodeId id;
    std::uint64_t op;      ///< as Node::op
    std::uint32_t source;  ///< the value that it hands through
  };
  std::vector<NoOp> no_ops;

  [[nodiscard]] std::uint32_t find(const Graph& graph, std::string_view name) const;
};

/// Within one graph, two constants are only merged after all their bytes were compared.
[[nodiscard]] Result<Skeleton> make_skeleton(const Model& model, LargeBy large);

}  // namespace pot
