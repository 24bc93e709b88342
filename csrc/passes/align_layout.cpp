// Rules that see through Transpose, Reshape and their kind: nodes that read the same elements in
// another order or shape.

#include <algorithm>
#include <unordered_map>

#include "passes/aligner.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;

/// Operators that read the node's outputs, through what only rearranges them.
void collect_readers(const Side& side, std::uint32_t value, std::vector<std::uint64_t>& ops) {
  if (side.value(value).is_output) ops.push_back(1);
  for (const auto& use : side.value(value).uses) {
    const auto& node = side.node(use.node);
    if (node.rearranges && use.slot == 0) {
      for (const std::uint32_t output : node.outputs) {
        if (output != kNone) collect_readers(side, output, ops);
      }
    } else {
      ops.push_back(node.op);
    }
  }
}

std::vector<std::uint64_t> readers_through_layout(const Side& side, std::uint32_t node) {
  std::vector<std::uint64_t> ops;
  for (const std::uint32_t output : side.node(node).outputs) {
    if (output != kNone) collect_readers(side, output, ops);
  }
  std::sort(ops.begin(), ops.end());
  return ops;
}

}  // namespace

/// What a node reads, as roots of the reference; empty when something has no partner yet.
Indices Aligner::inputs_by_root(const Side& side, std::uint32_t node) const {
  Indices roots;
  for (const std::uint32_t input : side.node(node).inputs) {
    if (input == kNone || side.constant(input)) continue;
    const std::uint32_t ours = &side == &ref_ ? input : side.value_partner[input];
    if (ours == kNone) return {};
    roots.push_back(ref_.value(ours).root);
  }
  if (side.node(node).commutative) std::sort(roots.begin(), roots.end());
  return roots;
}

/// Constants by their elements, whatever their order and shape.
std::uint64_t Aligner::arranged_constants(const Side& side, std::uint32_t node) {
  std::uint64_t sum = 0;
  for (const std::uint32_t input : side.node(node).inputs) {
    if (!side.constant(input)) continue;
    auto& known = arranged_[&side == &ref_ ? 0 : 1];
    const auto [found, fresh] = known.try_emplace(input, 0);
    if (fresh) found->second = multiset_key(side.model.graph(), side.value(input).id);
    sum += found->second;
  }
  return sum;
}

bool Aligner::likely_through_layout(std::uint32_t a, std::uint32_t b) {
  return readers_through_layout(ref_, a) == readers_through_layout(cand_, b) ||
         (same_name(a, b) && arranged_constants(ref_, a) == arranged_constants(cand_, b));
}

/// Free nodes of one operator that read the same elements, where there is one on each side; of
/// several, those with equal constants.
bool Aligner::through_layout() {
  struct Readers {
    Indices ours, theirs;
  };
  std::unordered_map<std::uint64_t, Readers> groups;
  const auto collect = [&](const Side& side, Indices Readers::*list) {
    for (std::uint32_t i = 0; i < side.skeleton.nodes.size(); ++i) {
      if (side.node_partner[i] != kNone || side.node(i).rearranges) continue;
      const Indices roots = inputs_by_root(side, i);
      if (roots.empty()) continue;
      std::uint64_t key = side.node(i).op;
      for (const std::uint32_t root : roots) key = mix({key, root});
      (groups[key].*list).push_back(i);
    }
  };
  collect(cand_, &Readers::theirs);
  if (groups.empty()) return false;
  collect(ref_, &Readers::ours);
  bool progress = false;
  for (auto& [key, group] : groups) {
    if (group.ours.empty() || group.theirs.empty()) continue;
    for (const std::uint32_t b : group.theirs) {
      Indices fits = group.ours;
      if (fits.size() > 1 || group.theirs.size() > 1) {
        const std::uint64_t wanted = arranged_constants(cand_, b);
        const auto other = [&](const Side& side) {
          return [&, wanted](auto i) { return arranged_constants(side, i) != wanted; };
        };
        std::erase_if(fits, other(ref_));
        Indices rivals = group.theirs;
        std::erase_if(rivals, other(cand_));
        if (rivals.size() != 1) continue;
      }
      if (fits.size() != 1 || ref_.node_partner[fits[0]] != kNone) continue;
      Indices mapped;
      const bool strictly = mapped_inputs(b, mapped) && mapped == own_inputs(fits[0]);
      if (strictly || outputs_told_apart(fits[0], b) || !likely_through_layout(fits[0], b))
        continue;
      pair_nodes(fits[0], b, Ground::placed, true);
      progress = true;
    }
  }
  return progress;
}

/// A node that only rearranges a paired value, with none of its kind in the reference: what it
/// makes is that value in another form.
bool Aligner::rearranged_only() {
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    const auto& node = cand_.node(b);
    if (!node.rearranges || cand_.node_partner[b] != kNone || node.outputs[0] == kNone) continue;
    const std::uint32_t input = node.inputs[0];
    if (input == kNone || cand_.constant(input) || cand_.value_partner[input] == kNone) continue;
    if (cand_.value_partner[node.outputs[0]] != kNone) continue;
    const std::uint32_t partner = cand_.value_partner[input];
    const auto& uses = ref_.value(partner).uses;
    const bool kin = std::any_of(uses.begin(), uses.end(), [&](const auto& use) {
      return ref_.node_partner[use.node] == kNone && ref_.node(use.node).op == node.op;
    });
    if (kin || told_apart(partner, node.outputs[0])) continue;
    pair_values(partner, node.outputs[0], Ground::placed, true);
    return true;
  }
  return false;
}

}  // namespace pot
