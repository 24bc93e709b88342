#pragma once
// The state of an alignment in progress. Only align.cpp and its rules include this.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "passes/align.h"
#include "passes/skeleton.h"
#include "passes/value_print.h"

namespace pot {

using Indices = std::vector<std::uint32_t>;

/// What a pair of values rests on.
enum class Ground : std::uint8_t {
  none,
  surroundings,  ///< what stands around it, or its name
  placed,        ///< the same operator on the same values, with other attributes or constants
  values,        ///< the numbers themselves, or the user's word
  same,          ///< the same computation of the same values
};

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
  /// Takes over what is known of the values.
  void take(const Evidence& evidence);
  /// Applies the rules until none adds a pair.
  void run(std::span<const NamePair> outputs);
  [[nodiscard]] Alignment result() const;

 private:
  /// `moved`: `b` may hold the elements of `a` in another order or shape.
  void pair_values(std::uint32_t a, std::uint32_t b, Ground ground, bool moved = false);
  /// `b` is used where `a` is used, so it stands for `a`, whatever made it.
  void stand_for(std::uint32_t a, std::uint32_t b);
  /// What reads moved values makes moved ones.
  void pair_nodes(std::uint32_t a, std::uint32_t b, Ground ground, bool moved = false);
  [[nodiscard]] bool told_apart(std::uint32_t a, std::uint32_t b) const {
    return apart_.contains(std::uint64_t{a} << 32 | b);
  }
  [[nodiscard]] bool outputs_told_apart(std::uint32_t a, std::uint32_t b) const;

  void spread_moves();
  bool declared_alike(std::uint32_t a, std::uint32_t b) const;

  /// Partners of the values that a candidate node reads; false when one has none yet.
  bool mapped_inputs(std::uint32_t b, Indices& mapped) const;
  Indices own_inputs(std::uint32_t a) const;
  bool same_name(std::uint32_t a, std::uint32_t b) const;
  /// Operators and constant shapes of what makes a value, so many nodes up; paired values end it.
  std::uint64_t ancestry(const Side& side, std::uint32_t value, int depth) const;
  bool in_place(std::uint32_t a, std::uint32_t b) const;
  /// How well two nodes of one operator fit beyond what they read; 0: they do not.
  int likeness(std::uint32_t a, std::uint32_t b) const;

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
  void trust_names();
  void by_trusted_names();
  bool same_by_name(std::uint32_t a, std::uint32_t b) const;
  bool pair_by_ancestry(const Indices& ours, const Indices& theirs, int depth);
  Indices partners_reading(std::uint32_t b, const Indices& mapped, bool any_op = false) const;
  Indices free_siblings(std::uint32_t b, const Indices& mapped) const;

  bool by_fingerprints();
  std::uint32_t partner_by_print(std::uint32_t b);
  bool may_be(std::uint32_t a, std::uint32_t b) const;
  bool same_maker(std::uint32_t a, std::uint32_t b) const;
  bool has_rival(std::uint32_t a, std::uint32_t b) const;
  bool in_same_form(std::uint32_t a, std::uint32_t b) const;
  void pair_by_print(std::uint32_t a, std::uint32_t b);
  /// Whether a pair would turn the order of two pairs around: an ancestor for a descendant.
  bool crosses(std::uint32_t a, std::uint32_t b) const;

  bool through_layout();
  bool rearranged_only();
  Indices inputs_by_root(const Side& side, std::uint32_t node) const;
  std::uint64_t arranged_constants(const Side& side, std::uint32_t node);
  bool likely_through_layout(std::uint32_t a, std::uint32_t b);

  void list_constants(std::uint32_t a, std::uint32_t b, std::vector<NamePair>& pairs) const;
  void list_twin(std::uint32_t value, ValueId twin, const std::string& partner,
                 Alignment& made) const;
  void list_revived(Alignment& made) const;
  void list_values(std::uint32_t b, const std::unordered_set<std::uint32_t>& doubtful,
                   Alignment& made) const;
  void list_fused(Alignment& made) const;
  bool read_by_region(const Side& side, std::uint32_t value, Indices& inside, Indices& read) const;

  [[nodiscard]] bool sure(std::uint32_t b) const {
    return ground_[b] == Ground::same || ground_[b] == Ground::values;
  }

  Side ref_, cand_;
  std::vector<Ground> ground_;  // by value of the candidate
  std::vector<bool> moved_;     // likewise
  bool trusts_names_ = false;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> alike_by_name_;
  std::unordered_map<std::uint32_t, std::uint32_t> namesake_;  // values of nodes of one operator
  std::unordered_set<std::uint64_t> apart_;  // value of the reference << 32 | of the candidate
  std::vector<const ValuePrints*> our_prints_, their_prints_;  // by value; null: none
  NearValues near_;
  std::array<std::unordered_map<std::uint32_t, std::uint64_t>, 2> arranged_;  // multiset keys
  std::unordered_set<std::uint32_t> undecided_;  // candidate values with several near ones
  std::vector<std::pair<std::uint32_t, std::size_t>> revived_;      // reference node, no-op
  Indices fresh_;                                                   // candidate values just paired
  std::vector<std::pair<std::uint32_t, std::uint32_t>> backward_;   // values to follow upwards
  std::vector<std::pair<std::uint32_t, std::uint32_t>> inputs_of_;  // nodes to follow upwards
  std::vector<std::pair<Indices, Indices>> waiting_;                // groups without a clear answer
};

}  // namespace pot
