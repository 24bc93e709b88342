#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "passes/aligner.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;
constexpr double kTrustNames = 0.6;
constexpr int kDeepest = 4;

}  // namespace

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
      pair_nodes(equal[0], b, Ground::same);
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
      const int points = outputs_told_apart(a, b) ? 0 : likeness(a, b);
      if (points != 0) fits.push_back({points, a, b});
    }
  }
  for (const Fit& fit : fits) {
    const bool best = std::none_of(fits.begin(), fits.end(), [&](const Fit& other) {
      const bool same = other.a == fit.a && other.b == fit.b;
      return !same && (other.a == fit.a || other.b == fit.b) && other.points >= fit.points;
    });
    if (!best || ref_.node_partner[fit.a] != kNone || cand_.node_partner[fit.b] != kNone) continue;
    pair_nodes(fit.a, fit.b, in_place(fit.a, fit.b) ? Ground::placed : Ground::surroundings);
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
  if (told_apart(a, b)) return false;
  pair_nodes(ours, theirs, Ground::surroundings);
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
      if (told_apart(ours[i], theirs[i])) continue;
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
    if (told_apart(left_ours[0], left_theirs[0])) return false;
    stand_for(left_ours[0], left_theirs[0]);
    return true;
  }
  // The deeper a look above both sides agrees, the better it tells two inputs apart; but a fault
  // above spoils the deep looks, so shallower ones follow.
  for (int depth = kDeepest; depth > 0; --depth) {
    if (pair_by_ancestry(left_ours, left_theirs, depth)) return true;
  }
  return false;
}

bool Aligner::pair_by_ancestry(const Indices& ours, const Indices& theirs, int depth) {
  bool progress = false;
  for (const auto j : theirs) {
    const std::uint64_t key = ancestry(cand_, j, depth);
    const auto rivals = std::count_if(theirs.begin(), theirs.end(), [&](auto other) {
      return ancestry(cand_, other, depth) == key;
    });
    const auto fits = [&](auto i) { return ancestry(ref_, i, depth) == key; };
    if (rivals != 1 || std::count_if(ours.begin(), ours.end(), fits) != 1) continue;
    const std::uint32_t i = *std::find_if(ours.begin(), ours.end(), fits);
    if (told_apart(i, j)) continue;
    stand_for(i, j);
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
      if (outputs_told_apart(ours[0], b)) continue;
      pair_nodes(ours[0], b, Ground::surroundings);
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
      if (!neighbour || outputs_told_apart(a, b)) continue;
      pair_nodes(a, b, Ground::surroundings);
      return true;
    }
  }
  return false;
}

/// Most nodes bear the name of a node that is the same in all it is and reads: then the models
/// share their names, and a name tells more than structure where a wire or an operator was
/// changed. Numbers that an exporter shifted, or names that were swapped, do not pass this.
void Aligner::trust_names() {
  std::unordered_map<std::string_view, std::uint32_t> named;
  for (std::uint32_t a = 0; a < ref_.skeleton.nodes.size(); ++a) {
    for (const auto output : ref_.node(a).outputs) {
      if (output != kNone) named.emplace(ref_.name(output), a);
    }
  }
  std::vector<std::pair<std::uint32_t, std::uint32_t>> same, alike;
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    const auto& outputs = cand_.node(b).outputs;
    if (outputs.empty() || outputs[0] == kNone) continue;
    const auto found = named.find(cand_.name(outputs[0]));
    if (found == named.end()) continue;
    const std::uint32_t a = found->second;
    if (ref_.node(a).outputs.size() != outputs.size()) continue;
    (same_by_name(a, b) ? same : alike).emplace_back(a, b);
  }
  const auto most = std::max(ref_.skeleton.nodes.size(), cand_.skeleton.nodes.size());
  if (static_cast<double>(same.size()) < kTrustNames * static_cast<double>(most)) return;
  trusts_names_ = true;
  for (const auto& [a, b] : same) pair_nodes(a, b, Ground::same);
  alike_by_name_ = std::move(alike);
  for (const auto& [a, b] : alike_by_name_) {
    if (ref_.node(a).op == cand_.node(b).op) {
      namesake_.emplace(cand_.node(b).outputs[0], ref_.node(a).outputs[0]);
    }
  }
}

/// The other nodes of equal names, where values did not tell otherwise.
void Aligner::by_trusted_names() {
  for (const auto& [a, b] : alike_by_name_) {
    const bool free = ref_.node_partner[a] == kNone && cand_.node_partner[b] == kNone;
    if (!free || ref_.node(a).op != cand_.node(b).op || outputs_told_apart(a, b)) continue;
    Indices mapped;
    const bool placed = mapped_inputs(b, mapped) && mapped == own_inputs(a) && in_place(a, b);
    pair_nodes(a, b, placed ? Ground::placed : Ground::surroundings);
  }
  for (const auto& [a, b] : alike_by_name_) {
    if (ref_.node(a).op == cand_.node(b).op) continue;
    Indices mapped;
    const bool placed = mapped_inputs(b, mapped) && mapped == own_inputs(a) &&
                        readers(ref_, a) == readers(cand_, b);
    pair_values(ref_.node(a).outputs[0], cand_.node(b).outputs[0],
                placed ? Ground::placed : Ground::surroundings);
  }
}

bool Aligner::same_by_name(std::uint32_t a, std::uint32_t b) const {
  if (ref_.node(a).op != cand_.node(b).op || full_key(ref_, a) != full_key(cand_, b)) return false;
  const auto& ours = ref_.node(a).inputs;
  const auto& theirs = cand_.node(b).inputs;
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), [&](auto i, auto j) {
    if (i == kNone || j == kNone) return i == j;
    if (ref_.constant(i) || cand_.constant(j)) return ref_.constant(i) == cand_.constant(j);
    return ref_.name(i) == cand_.name(j) || cand_.value_partner[j] == i;
  });
}

}  // namespace pot
