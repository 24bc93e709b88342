#include "passes/align.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "passes/constant_key.h"
#include "passes/skeleton.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;
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
    return i != kNone && skeleton.values[i].constant != 0;
  }
  [[nodiscard]] std::string_view name(std::uint32_t value_index) const {
    return model.graph().value_name(value(value_index).id);
  }
};

class Aligner {
 public:
  Aligner(const Model& reference, const Model& candidate, Skeleton ours, Skeleton theirs)
      : ref_{reference, std::move(ours), {}, {}}, cand_{candidate, std::move(theirs), {}, {}} {
    for (Side* side : {&ref_, &cand_}) {
      side->node_partner.assign(side->skeleton.nodes.size(), kNone);
      side->value_partner.assign(side->skeleton.values.size(), kNone);
    }
    sure_.assign(cand_.skeleton.values.size(), false);
  }

  void pair_inputs(std::span<const NamePair> inputs) {
    for (const auto& [ours, theirs] : inputs) {
      const std::uint32_t a = ref_.skeleton.find(ref_.model.graph(), ours);
      const std::uint32_t b = cand_.skeleton.find(cand_.model.graph(), theirs);
      if (a != kNone && b != kNone) pair_values(a, b, true);
    }
  }

  void run(std::span<const NamePair> outputs) {
    forward_from_constants();
    forward();
    for (const auto& [ours, theirs] : outputs) {
      const std::uint32_t a = ref_.skeleton.find(ref_.model.graph(), ours);
      const std::uint32_t b = cand_.skeleton.find(cand_.model.graph(), theirs);
      if (a != kNone && b != kNone) stand_for(a, b);
    }
    for (bool progress = true; progress;) {
      progress = forward() || backward() || resolve_waiting() || sideways(true) ||
                 by_name() || sideways(false) || replaced();
    }
  }

  [[nodiscard]] Alignment result() const;

 private:
  // -- pairing --------------------------------------------------------------------------------

  void pair_values(std::uint32_t a, std::uint32_t b, bool sure) {
    if (cand_.value_partner[b] != kNone) return;
    cand_.value_partner[b] = a;
    sure_[b] = sure;
    if (ref_.value_partner[a] == kNone) ref_.value_partner[a] = b;
    fresh_.push_back(b);
  }

  /// `b` is used where `a` is used, so it stands for `a`, whatever made it.
  void stand_for(std::uint32_t a, std::uint32_t b) {
    if (ref_.constant(a) || cand_.constant(b)) return;
    pair_values(a, b, false);
    if (cand_.value_partner[b] == a) backward_.emplace_back(a, b);
  }

  void pair_nodes(std::uint32_t a, std::uint32_t b, bool sure) {
    ref_.node_partner[a] = b;
    cand_.node_partner[b] = a;
    const auto& ours = ref_.node(a).outputs;
    const auto& theirs = cand_.node(b).outputs;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      if (ours[i] != kNone && theirs[i] != kNone) pair_values(ours[i], theirs[i], sure);
    }
    // What a weakly paired node reads belongs together as well, slot by slot.
    if (!sure) inputs_of_.emplace_back(a, b);
  }

  // -- what two nodes have in common ------------------------------------------------------------

  /// Partners of the values that a candidate node reads; false when one has none yet.
  bool mapped_inputs(std::uint32_t b, Indices& mapped) const {
    mapped.clear();
    for (const std::uint32_t input : cand_.node(b).inputs) {
      if (input == kNone || cand_.constant(input)) {
        mapped.push_back(kNone);
      } else if (cand_.value_partner[input] == kNone) {
        return false;
      } else {
        mapped.push_back(cand_.value_partner[input]);
      }
    }
    normalize(mapped, cand_.node(b).commutative);
    return true;
  }

  Indices own_inputs(std::uint32_t a) const {
    Indices own;
    for (const std::uint32_t input : ref_.node(a).inputs) {
      own.push_back(ref_.constant(input) ? kNone : input);
    }
    normalize(own, ref_.node(a).commutative);
    return own;
  }

  /// Constants and omitted inputs at the end do not count: a Conv may gain a bias.
  static void normalize(Indices& inputs, bool commutative) {
    if (commutative) std::sort(inputs.begin(), inputs.end());
    while (!inputs.empty() && inputs.back() == kNone) inputs.pop_back();
  }

  static std::uint64_t constants_key(const Side& side, std::uint32_t node, bool shapes_only) {
    std::vector<std::uint64_t> keys;
    for (const std::uint32_t input : side.node(node).inputs) {
      if (!side.constant(input)) {
        if (!side.node(node).commutative) keys.push_back(0);
        continue;
      }
      const auto& value = side.value(input);
      keys.push_back(shapes_only ? value.constant_shape : value.constant);
    }
    if (side.node(node).commutative) std::sort(keys.begin(), keys.end());
    std::uint64_t hash = keys.size();
    for (const std::uint64_t key : keys) hash = mix({hash, key});
    return hash;
  }

  static std::uint64_t full_key(const Side& side, std::uint32_t node) {
    return mix({side.node(node).attributes, constants_key(side, node, false)});
  }

  /// Which operators read the node's outputs, and which of them are graph outputs.
  static std::vector<std::uint64_t> readers(const Side& side, std::uint32_t node) {
    std::vector<std::uint64_t> ops;
    for (const std::uint32_t output : side.node(node).outputs) {
      if (output == kNone) continue;
      if (side.value(output).is_output) ops.push_back(1);
      for (const auto& use : side.value(output).uses) ops.push_back(side.node(use.node).op);
    }
    std::sort(ops.begin(), ops.end());
    return ops;
  }

  bool same_name(std::uint32_t a, std::uint32_t b) const {
    // Of the value, not of the node: a fused node often keeps the name of its first part.
    const std::uint32_t ours = ref_.node(a).outputs.empty() ? kNone : ref_.node(a).outputs[0];
    const std::uint32_t theirs = cand_.node(b).outputs.empty() ? kNone : cand_.node(b).outputs[0];
    return ours != kNone && theirs != kNone && ref_.name(ours) == cand_.name(theirs);
  }

  /// How well two nodes of one operator fit beyond what they read; 0: they do not.
  int likeness(std::uint32_t a, std::uint32_t b) const {
    int points = 0;
    if (readers(ref_, a) == readers(cand_, b)) points += 4;
    if (same_name(a, b)) points += 4;
    if (points == 0) return 0;
    if (ref_.node(a).attributes == cand_.node(b).attributes) points += 2;
    if (constants_key(ref_, a, false) == constants_key(cand_, b, false)) points += 2;
    if (constants_key(ref_, a, true) == constants_key(cand_, b, true)) points += 1;
    return points;
  }

  // -- rules ------------------------------------------------------------------------------------

  bool forward();
  void forward_from_constants();
  bool resolve(const Indices& ours, const Indices& theirs);
  bool resolve_waiting();
  bool backward();
  bool follow_inputs(std::uint32_t a, std::uint32_t b);
  bool step_back(std::uint32_t a, std::uint32_t b);
  bool sideways(bool same_slot);
  bool by_name();
  bool replaced();
  Indices partners_reading(std::uint32_t b, const Indices& mapped, bool any_op = false) const;
  Indices free_siblings(std::uint32_t b, const Indices& mapped) const;
  void list_constants(std::uint32_t a, std::uint32_t b, std::vector<NamePair>& pairs) const;
  void list_values(std::uint32_t b, const std::unordered_set<std::uint32_t>& doubtful,
                   Alignment& made) const;

  Side ref_, cand_;
  std::vector<bool> sure_;
  Indices fresh_;                                               // candidate values just paired
  std::vector<std::pair<std::uint32_t, std::uint32_t>> backward_;   // values to follow upwards
  std::vector<std::pair<std::uint32_t, std::uint32_t>> inputs_of_;  // nodes to follow upwards
  std::vector<std::pair<Indices, Indices>> waiting_;            // groups without a clear answer
};

/// Free reference nodes (of the same operator) that read exactly the mapped values.
Indices Aligner::partners_reading(std::uint32_t b, const Indices& mapped, bool any_op) const {
  const auto first = std::find_if(mapped.begin(), mapped.end(), [](auto i) { return i != kNone; });
  Indices found;
  if (first == mapped.end()) return found;
  for (const auto& use : ref_.value(*first).uses) {
    const bool known = std::find(found.begin(), found.end(), use.node) != found.end();
    if (known || ref_.node_partner[use.node] != kNone) continue;
    if (!any_op && ref_.node(use.node).op != cand_.node(b).op) continue;
    if (own_inputs(use.node) == mapped) found.push_back(use.node);
  }
  return found;
}

/// Free candidate nodes of the same operator that read what `b` reads, `b` among them.
Indices Aligner::free_siblings(std::uint32_t b, const Indices& mapped) const {
  Indices found{b};
  for (const std::uint32_t input : cand_.node(b).inputs) {
    if (input == kNone || cand_.constant(input)) continue;
    for (const auto& use : cand_.value(input).uses) {
      const bool known = std::find(found.begin(), found.end(), use.node) != found.end();
      if (known || cand_.node_partner[use.node] != kNone) continue;
      if (cand_.node(use.node).op != cand_.node(b).op) continue;
      Indices other;
      if (mapped_inputs(use.node, other) && other == mapped) found.push_back(use.node);
    }
    break;
  }
  return found;
}

bool Aligner::forward() {
  bool progress = false;
  while (!fresh_.empty()) {
    const std::uint32_t value = fresh_.back();
    fresh_.pop_back();
    for (const auto& use : cand_.value(value).uses) {
      Indices mapped;
      if (cand_.node_partner[use.node] != kNone || !mapped_inputs(use.node, mapped)) continue;
      const Indices ours = partners_reading(use.node, mapped);
      if (ours.empty()) continue;
      const Indices theirs = free_siblings(use.node, mapped);
      progress |= resolve(ours, theirs);
      waiting_.emplace_back(ours, theirs);
    }
  }
  return progress;
}

/// Nodes that read constants only have no paired value to start from: equal ones are a pair.
void Aligner::forward_from_constants() {
  const auto reads_constants = [](const Side& side, std::uint32_t i) {
    return std::all_of(side.node(i).inputs.begin(), side.node(i).inputs.end(),
                       [&](auto input) { return input == kNone || side.constant(input); });
  };
  std::map<std::uint64_t, std::pair<Indices, Indices>> groups;
  for (std::uint32_t a = 0; a < ref_.skeleton.nodes.size(); ++a) {
    if (reads_constants(ref_, a)) groups[ref_.node(a).op].first.push_back(a);
  }
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    if (reads_constants(cand_, b)) groups[cand_.node(b).op].second.push_back(b);
  }
  for (auto& [op, group] : groups) {
    if (group.first.empty() || group.second.empty()) continue;
    resolve(group.first, group.second);
    waiting_.push_back(std::move(group));
  }
}

/// Pairs within a group of nodes that read the same. Equal nodes first; what is left only when
/// one partner is clearly the best. True when anything was paired.
bool Aligner::resolve(const Indices& ours, const Indices& theirs) {
  bool progress = false;
  for (const std::uint32_t b : theirs) {
    if (cand_.node_partner[b] != kNone) continue;
    Indices equal;
    for (const std::uint32_t a : ours) {
      if (ref_.node_partner[a] == kNone && full_key(ref_, a) == full_key(cand_, b)) {
        equal.push_back(a);
      }
    }
    // Equal nodes on equal inputs were merged, so more than one means random or hash-equal nodes.
    if (equal.size() == 1) {
      pair_nodes(equal[0], b, true);
      progress = true;
    }
  }
  struct Fit {
    int points;
    std::uint32_t a, b;
  };
  std::vector<Fit> fits;
  for (const std::uint32_t b : theirs) {
    if (cand_.node_partner[b] != kNone) continue;
    for (const std::uint32_t a : ours) {
      if (ref_.node_partner[a] != kNone) continue;
      if (const int points = likeness(a, b)) fits.push_back({points, a, b});
    }
  }
  for (const Fit& fit : fits) {
    const bool best = std::none_of(fits.begin(), fits.end(), [&](const Fit& other) {
      const bool same = other.a == fit.a && other.b == fit.b;
      return !same && (other.a == fit.a || other.b == fit.b) && other.points >= fit.points;
    });
    if (!best || ref_.node_partner[fit.a] != kNone || cand_.node_partner[fit.b] != kNone) continue;
    pair_nodes(fit.a, fit.b, false);
    progress = true;
  }
  return progress;
}

/// Groups that had no clear answer may have one now that others took partners away.
bool Aligner::resolve_waiting() {
  std::vector<std::pair<Indices, Indices>> groups;
  groups.swap(waiting_);
  bool progress = false;
  for (auto& [ours, theirs] : groups) {
    std::erase_if(ours, [&](auto a) { return ref_.node_partner[a] != kNone; });
    std::erase_if(theirs, [&](auto b) { return cand_.node_partner[b] != kNone; });
    if (ours.empty() || theirs.empty()) continue;
    progress |= resolve(ours, theirs);
    waiting_.emplace_back(std::move(ours), std::move(theirs));
  }
  return progress;
}

bool Aligner::backward() {
  bool progress = false;
  while (!backward_.empty() || !inputs_of_.empty()) {
    if (!inputs_of_.empty()) {
      const auto [a, b] = inputs_of_.back();
      inputs_of_.pop_back();
      progress |= follow_inputs(a, b);
      continue;
    }
    const auto [a, b] = backward_.back();
    backward_.pop_back();
    progress |= step_back(a, b);
  }
  return progress;
}

/// The producers of two values that stand for each other.
bool Aligner::step_back(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t ours = ref_.value(a).producer;
  const std::uint32_t theirs = cand_.value(b).producer;
  if (ours == kNone || theirs == kNone) return false;
  if (ref_.node_partner[ours] != kNone || cand_.node_partner[theirs] != kNone) return false;
  if (ref_.node(ours).op != cand_.node(theirs).op) return false;
  if (ref_.value(a).slot != cand_.value(b).slot) return false;
  pair_nodes(ours, theirs, false);
  return true;
}

bool Aligner::follow_inputs(std::uint32_t a, std::uint32_t b) {
  const auto unpaired = [&](std::uint32_t input) {
    return input != kNone && !cand_.constant(input) && cand_.value_partner[input] == kNone;
  };
  const Indices& ours = ref_.node(a).inputs;
  const Indices& theirs = cand_.node(b).inputs;
  if (!ref_.node(a).commutative) {
    bool progress = false;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      if (!unpaired(theirs[i]) || ours[i] == kNone || ref_.constant(ours[i])) continue;
      stand_for(ours[i], theirs[i]);
      progress = true;
    }
    return progress;
  }
  // Any order: those that are paired already take their partner out; then by operator.
  Indices left_ours, left_theirs;
  for (const auto i : theirs) {
    if (unpaired(i)) left_theirs.push_back(i);
  }
  for (const auto i : ours) {
    const bool taken = std::any_of(theirs.begin(), theirs.end(), [&](auto j) {
      return j != kNone && cand_.value_partner[j] == i;
    });
    if (i != kNone && !ref_.constant(i) && !taken) left_ours.push_back(i);
  }
  if (left_ours.size() == 1 && left_theirs.size() == 1) {
    stand_for(left_ours[0], left_theirs[0]);
    return true;
  }
  const auto op_of = [](const Side& side, std::uint32_t value) {
    const std::uint32_t producer = side.value(value).producer;
    return producer == kNone ? std::uint64_t{0} : side.node(producer).op;
  };
  bool progress = false;
  for (const auto j : left_theirs) {
    const auto fits = [&](auto i) { return op_of(ref_, i) == op_of(cand_, j); };
    const auto rivals = std::count_if(left_theirs.begin(), left_theirs.end(), [&](auto other) {
      return op_of(cand_, other) == op_of(cand_, j);
    });
    if (rivals != 1 || std::count_if(left_ours.begin(), left_ours.end(), fits) != 1) continue;
    stand_for(*std::find_if(left_ours.begin(), left_ours.end(), fits), j);
    progress = true;
  }
  return progress;
}

/// One node on each side that reads a paired value with the same operator (at the same slot).
bool Aligner::sideways(bool same_slot) {
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    if (cand_.node_partner[b] != kNone) continue;
    const auto& node = cand_.node(b);
    for (std::uint32_t slot = 0; slot < node.inputs.size(); ++slot) {
      const std::uint32_t input = node.inputs[slot];
      if (input == kNone || cand_.constant(input) || cand_.value_partner[input] == kNone) continue;
      const auto reads_alike = [&](const Side& side, const Skeleton::Input& use) {
        return side.node_partner[use.node] == kNone && side.node(use.node).op == node.op &&
               (use.slot == slot || node.commutative || !same_slot);
      };
      Indices ours, theirs;
      for (const auto& use : ref_.value(cand_.value_partner[input]).uses) {
        if (reads_alike(ref_, use)) ours.push_back(use.node);
      }
      for (const auto& use : cand_.value(input).uses) {
        if (reads_alike(cand_, use)) theirs.push_back(use.node);
      }
      if (ours.size() != 1 || theirs.size() != 1 || likeness(ours[0], b) == 0) continue;
      pair_nodes(ours[0], b, false);
      return true;
    }
  }
  return false;
}

/// Equal names with equal operators, where a neighbour is paired too: a name alone is no proof.
bool Aligner::by_name() {
  std::unordered_map<std::string_view, std::uint32_t> ours;
  for (std::uint32_t a = 0; a < ref_.skeleton.nodes.size(); ++a) {
    if (ref_.node_partner[a] != kNone) continue;
    for (const auto output : ref_.node(a).outputs) {
      if (output != kNone) ours.emplace(ref_.name(output), a);
    }
  }
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    if (cand_.node_partner[b] != kNone) continue;
    for (const auto output : cand_.node(b).outputs) {
      if (output == kNone) continue;
      const auto found = ours.find(cand_.name(output));
      if (found == ours.end()) continue;
      const std::uint32_t a = found->second;
      if (ref_.node(a).op != cand_.node(b).op || readers(ref_, a) != readers(cand_, b)) continue;
      const auto& inputs = cand_.node(b).inputs;
      const bool neighbour = std::any_of(inputs.begin(), inputs.end(), [&](auto input) {
        return input != kNone && cand_.value_partner[input] != kNone &&
               std::find(ref_.node(a).inputs.begin(), ref_.node(a).inputs.end(),
                         cand_.value_partner[input]) != ref_.node(a).inputs.end();
      });
      if (!neighbour) continue;
      pair_nodes(a, b, false);
      return true;
    }
  }
  return false;
}

/// The only free node on each side that reads the same and is read alike: another operator took
/// its place.
bool Aligner::replaced() {
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    Indices mapped;
    if (cand_.node_partner[b] != kNone || !mapped_inputs(b, mapped)) continue;
    const Indices ours = partners_reading(b, mapped, true);
    if (ours.size() != 1 || readers(ref_, ours[0]) != readers(cand_, b)) continue;
    if (ref_.node(ours[0]).outputs.size() != cand_.node(b).outputs.size()) continue;
    pair_nodes(ours[0], b, false);
    return true;
  }
  return false;
}

/// Constants that stand at the same place of two paired nodes.
void Aligner::list_constants(std::uint32_t a, std::uint32_t b, std::vector<NamePair>& pairs) const {
  const auto& ours = ref_.node(a).inputs;
  const auto& theirs = cand_.node(b).inputs;
  if (ref_.node(a).commutative) {
    const auto is_ours = [&](auto i) { return ref_.constant(i); };
    const auto is_theirs = [&](auto i) { return cand_.constant(i); };
    if (std::count_if(ours.begin(), ours.end(), is_ours) != 1) return;
    if (std::count_if(theirs.begin(), theirs.end(), is_theirs) != 1) return;
    pairs.emplace_back(ref_.name(*std::find_if(ours.begin(), ours.end(), is_ours)),
                       cand_.name(*std::find_if(theirs.begin(), theirs.end(), is_theirs)));
    return;
  }
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    if (ref_.constant(ours[i]) && cand_.constant(theirs[i])) {
      pairs.emplace_back(ref_.name(ours[i]), cand_.name(theirs[i]));
    }
  }
}

void Aligner::list_values(std::uint32_t b, const std::unordered_set<std::uint32_t>& doubtful,
                          Alignment& made) const {
  for (const auto output : cand_.node(b).outputs) {
    if (output == kNone) continue;
    const std::uint32_t partner = cand_.value_partner[output];
    if (partner == kNone) {
      (doubtful.contains(b) ? made.ambiguous : made.unmatched).emplace_back(cand_.name(output));
      continue;
    }
    const std::string ours(ref_.name(partner));
    made.values.push_back({ours, std::string(cand_.name(output)), sure_[output]});
    for (const ValueId twin : cand_.value(output).twins) {
      made.values.push_back(
          {ours, std::string(cand_.model.graph().value_name(twin)), sure_[output]});
    }
  }
}

Alignment Aligner::result() const {
  Alignment made;
  std::unordered_set<std::uint32_t> doubtful;
  for (const auto& [ours, theirs] : waiting_) {
    const bool open = std::any_of(ours.begin(), ours.end(),
                                  [&](auto a) { return ref_.node_partner[a] == kNone; });
    if (open) doubtful.insert(theirs.begin(), theirs.end());
  }
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    const std::uint32_t a = cand_.node_partner[b];
    if (a != kNone) {
      Indices mapped;
      const bool same = mapped_inputs(b, mapped) && mapped == own_inputs(a) &&
                        ref_.node(a).op == cand_.node(b).op &&
                        full_key(ref_, a) == full_key(cand_, b);
      made.nodes.push_back({ref_.node(a).id, cand_.node(b).id, same});
      list_constants(a, b, made.constants);
    }
    list_values(b, doubtful, made);
  }
  for (std::uint32_t a = 0; a < ref_.skeleton.values.size(); ++a) {
    if (ref_.value(a).producer != kNone && ref_.value_partner[a] == kNone) {
      made.unmatched_reference.emplace_back(ref_.name(a));
    }
  }
  std::sort(made.constants.begin(), made.constants.end());
  made.constants.erase(std::unique(made.constants.begin(), made.constants.end()),
                       made.constants.end());
  return made;
}

}  // namespace

Result<Alignment> align(const Model& reference, const Model& candidate,
                        std::span<const NamePair> inputs, std::span<const NamePair> outputs) {
  auto ours = make_skeleton(reference);
  if (!ours) return ours.error();
  auto theirs = make_skeleton(candidate);
  if (!theirs) return theirs.error();
  Aligner aligner(reference, candidate, std::move(ours).value(), std::move(theirs).value());
  aligner.pair_inputs(inputs);
  aligner.run(outputs);
  return aligner.result();
}

}  // namespace pot
