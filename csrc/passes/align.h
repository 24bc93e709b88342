#pragma once
// Which node and value of a candidate is which of a reference, by structure; names break ties.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "passes/value_print.h"

namespace pot {

using NamePair = std::pair<std::string, std::string>;  ///< reference, candidate

struct Alignment {
  struct Values {
    std::string reference;
    std::string candidate;
    bool sure;  ///< same computation from the same inputs; otherwise told by what surrounds it
  };
  struct Nodes {
    NodeId reference;
    NodeId candidate;
    bool same;  ///< same attributes, same constants (large ones by samples), same inputs
  };
  std::vector<Values> values;       ///< in topological order of the candidate; constants left out
  std::vector<Nodes> nodes;         ///< likewise
  std::vector<NamePair> constants;  ///< weights that stand at the same place of paired nodes
  std::vector<std::string> ambiguous;  ///< candidate values with several equally good partners
  std::vector<std::string> unmatched;  ///< candidate values without a partner
  std::vector<std::string> unmatched_reference;
  /// Of those: inside a region that stands for one of the candidate, between paired values.
  std::vector<std::string> fused;
  std::vector<std::string> doubtful;    ///< paired candidate values that only surroundings told
  std::vector<std::string> rearranged;  ///< paired ones that may hold the elements otherwise
  std::vector<NodeId> no_ops;           ///< candidate nodes that only hand a value through
};

/// What is known beyond structure.
struct Evidence {
  PrintsByName ours;            ///< numbers of the reference's values
  PrintsByName theirs;          ///< numbers of the candidate's values
  std::vector<NamePair> given;  ///< pairs that the user names
  std::vector<NamePair> apart;  ///< pairs that their values refuted
};

/// Pairs the main graphs, given which graph inputs and outputs belong together.
///
/// Three rules, repeated until none adds a pair. Forward: nodes of the same operator that read the
/// same paired values are a pair, those with equal attributes and constants first. Backward: the
/// producers of a paired value are a pair when they are of the same operator, and then their
/// inputs are, slot by slot. Sideways: nodes of the same operator that read one paired value at
/// the same slot, when there is just one on each side. Every rule wants a single answer: two
/// equally good partners are `ambiguous`, and nothing is ever paired by its position in a list.
///
/// Values whose numbers are known are paired by them before what only surroundings tell: one that
/// is near to a single value of the other side, in the order of what is paired already.
[[nodiscard]] Result<Alignment> align(const Model& reference, const Model& candidate,
                                      std::span<const NamePair> inputs,
                                      std::span<const NamePair> outputs,
                                      const Evidence& evidence = {});

}  // namespace pot
