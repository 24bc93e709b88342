#pragma once
// The state of an alignment in progress. Only align.cpp and its rules include this.

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "passes/align.h"
#include "passes/skeleton.h"

namespace pot {

using Indices = std::vector<std::uint32_t>;

/// One of the two graphs, and what it was paired with.
struct Side {
  const Model& model;
  Skeleton skeleton;
  Indices node_partner;   // by node: the node of the other side
  Indices value_partner;  // by value; of the candidate only, several may share one

  [[nodiscard]] const Skeleton::Node& node(std::uint32_t i) const { return skeleton.nodes[i]; }
  [[nodiscard]] const Skeleton::Value& value(std::uint32_t i) const { return skeleton.values[i]; }
  [[nodiscard]] bool constant(std::uint32_t i) const {
    return i != Skeleton::kNone && skeleton.values[i].constant != 0;
  }
  [[nodiscard]] std::string_view name(std::uint32_t value_index) const {
    return model.graph().value_name(value(value_index).id);
  }
};

/// What a node reads of constants, independent of their names; of `shapes_only`, dtypes and dims.
[[nodiscard]] std::uint64_t constants_key(const Side& side, std::uint32_t node, bool shapes_only);

/// Attributes and constants: nodes with equal keys and equal inputs compute the same.
[[nodiscard]] std::uint64_t full_key(const Side& side, std::uint32_t node);

/// Which operators read the node's outputs, and which of them are graph outputs.
[[nodiscard]] std::vector<std::uint64_t> readers(const Side& side, std::uint32_t node);

class Aligner {
 public:
  Aligner(const Model& reference, const Model& candidate, Skeleton ours, Skeleton theirs);

  /// Pairs graph inputs that belong together.
  void pair_inputs(std::span<const NamePair> inputs);
  /// Applies the rules until none adds a pair.
  void run(std::span<const NamePair> outputs);
  [[nodiscard]] Alignment result() const;

 private:
  // -- pairing: aligner.cpp -------------------------------------------------------------------

  void pair_values(std::uint32_t a, std::uint32_t b, bool sure);
  /// `b` is used where `a` is used, so it stands for `a`, whatever made it.
  void stand_for(std::uint32_t a, std::uint32_t b);
  void pair_nodes(std::uint32_t a, std::uint32_t b, bool sure);

  // -- what two nodes have in common: aligner.cpp ---------------------------------------------

  /// Partners of the values that a candidate node reads; false when one has none yet.
  bool mapped_inputs(std::uint32_t b, Indices& mapped) const;
  Indices own_inputs(std::uint32_t a) const;
  bool same_name(std::uint32_t a, std::uint32_t b) const;
  /// Operators and constant shapes of what makes a value, so many nodes up; paired values end it.
  std::uint64_t ancestry(const Side& side, std::uint32_t value, int depth) const;
  /// How well two nodes of one operator fit beyond what they read; 0: they do not.
  int likeness(std::uint32_t a, std::uint32_t b) const;

  // -- rules: align_rules.cpp -----------------------------------------------------------------

  bool forward();
  void forward_from_constants();
  bool resolve(const Indices& ours, const Indices& theirs);
  bool resolve_waiting();
  bool backward();
  bool follow_inputs(std::uint32_t a, std::uint32_t b);
  bool step_back(std::uint32_t a, std::uint32_t b);
  bool sideways(bool same_slot);
  bool by_name();
  Indices chain(const Side& side, std::uint32_t node) const;
  bool by_constants();
  void revive_no_ops();
  bool bridged();
  bool bridge(const Indices& ours, const Indices& theirs);
  void by_trusted_names();
  bool same_by_name(std::uint32_t a, std::uint32_t b) const;
  bool pair_by_ancestry(const Indices& ours, const Indices& theirs, int depth);
  Indices partners_reading(std::uint32_t b, const Indices& mapped, bool any_op = false) const;
  Indices free_siblings(std::uint32_t b, const Indices& mapped) const;

  // -- the result: align.cpp ------------------------------------------------------------------

  void list_constants(std::uint32_t a, std::uint32_t b, std::vector<NamePair>& pairs) const;
  void list_twin(std::uint32_t value, ValueId twin, const std::string& partner,
                 Alignment& made) const;
  void list_revived(Alignment& made) const;
  void list_values(std::uint32_t b, const std::unordered_set<std::uint32_t>& doubtful,
                   Alignment& made) const;

  Side ref_, cand_;
  std::vector<bool> sure_;
  bool trusts_names_ = false;
  std::vector<std::pair<std::uint32_t, std::size_t>> revived_;      // reference node, no-op
  Indices fresh_;                                                   // candidate values just paired
  std::vector<std::pair<std::uint32_t, std::uint32_t>> backward_;   // values to follow upwards
  std::vector<std::pair<std::uint32_t, std::uint32_t>> inputs_of_;  // nodes to follow upwards
  std::vector<std::pair<Indices, Indices>> waiting_;                // groups without a clear answer
};

}  // namespace pot
