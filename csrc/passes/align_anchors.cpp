// Rules for where operators differ: anchors on both sides of a difference, and bridges over it.

#include <algorithm>
#include <unordered_map>

#include "passes/aligner.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;
constexpr std::size_t kLongestChain = 6;
constexpr std::uint64_t kFewestElements = 8;

}  // namespace

/// One node on each side that reads a weight of this content at the same slot.
bool Aligner::by_constants() {
  struct Readers {
    std::vector<Skeleton::Input> ours, theirs;
  };
  std::unordered_map<std::uint64_t, Readers> by_content;
  const auto collect = [&](const Side& side, std::vector<Skeleton::Input> Readers::*list) {
    for (const auto& value : side.skeleton.values) {
      if (value.constant_elements < kFewestElements) continue;
      auto& uses = by_content[value.constant].*list;
      uses.insert(uses.end(), value.uses.begin(), value.uses.end());
    }
  };
  collect(ref_, &Readers::ours);
  collect(cand_, &Readers::theirs);
  bool progress = false;
  for (const auto& [content, readers_of] : by_content) {
    if (readers_of.ours.size() != 1 || readers_of.theirs.size() != 1) continue;
    const auto [a, slot] = readers_of.ours[0];
    const auto [b, other_slot] = readers_of.theirs[0];
    if (ref_.node_partner[a] != kNone || cand_.node_partner[b] != kNone) continue;
    if (ref_.node(a).op != cand_.node(b).op) continue;
    if (slot != other_slot && !ref_.node(a).commutative) continue;
    if (outputs_told_apart(a, b)) continue;
    pair_nodes(a, b, Ground::surroundings);
    progress = true;
  }
  return progress;
}

/// A node that hands a value through was left out; but where the reference has a node of the same
/// operator at this place that is still alone, it is that node with other attributes.
void Aligner::revive_no_ops() {
  for (std::size_t i = 0; i < cand_.skeleton.no_ops.size(); ++i) {
    const auto& no_op = cand_.skeleton.no_ops[i];
    const std::uint32_t source = cand_.value_partner[no_op.source];
    if (source == kNone) continue;
    Indices alone;
    for (const auto& use : ref_.value(source).uses) {
      const bool free = ref_.node_partner[use.node] == kNone;
      if (free && ref_.node(use.node).op == no_op.op) alone.push_back(use.node);
    }
    if (alone.size() == 1) revived_.emplace_back(alone[0], i);
  }
}

/// The node and those behind it, as long as each is the only reader of the one before.
Indices Aligner::chain(const Side& side, std::uint32_t node) const {
  Indices found{node};
  while (found.size() < kLongestChain) {
    const auto& outputs = side.node(found.back()).outputs;
    if (outputs.empty() || outputs[0] == kNone) break;
    const auto& value = side.value(outputs[0]);
    if (value.is_output || value.uses.size() != 1) break;
    const std::uint32_t next = value.uses[0].node;
    const auto& inputs = side.node(next).inputs;
    const bool alone = std::all_of(inputs.begin(), inputs.end(), [&](auto input) {
      return input == kNone || input == outputs[0] || side.constant(input) ||
             side.value_partner[input] != kNone;
    });
    if (!alone || side.node_partner[next] != kNone) break;
    found.push_back(next);
  }
  return found;
}

/// Two stretches that start from the same values and end in values that are read alike: nodes
/// were inserted, dropped, fused or replaced between them. The shortest such stretch counts.
bool Aligner::bridged() {
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    Indices mapped;
    if (cand_.node_partner[b] != kNone || !mapped_inputs(b, mapped)) continue;
    Indices ours = partners_reading(b, mapped, true);
    const auto same_op = [&](auto a) { return ref_.node(a).op == cand_.node(b).op; };
    if (std::count_if(ours.begin(), ours.end(), same_op) == 1) {
      ours = {*std::find_if(ours.begin(), ours.end(), same_op)};
    }
    if (ours.size() == 1 && bridge(chain(ref_, ours[0]), chain(cand_, b))) return true;
  }
  return false;
}

bool Aligner::bridge(const Indices& ours, const Indices& theirs) {
  for (std::size_t length = 0; length < ours.size() + theirs.size() - 1; ++length) {
    for (std::size_t i = 0; i <= std::min(length, ours.size() - 1); ++i) {
      if (length - i >= theirs.size()) continue;
      const std::uint32_t a = ours[i];
      const std::uint32_t b = theirs[length - i];
      const auto read_by = readers(ref_, a);
      if (read_by.empty() || read_by != readers(cand_, b)) continue;
      const auto& made = cand_.node(b).outputs;
      if (made.empty() || made[0] == kNone || cand_.value_partner[made[0]] != kNone) continue;
      if (told_apart(ref_.node(a).outputs[0], made[0])) continue;
      if (ref_.node(a).op == cand_.node(b).op) {
        pair_nodes(a, b, Ground::surroundings);
      } else {
        pair_values(ref_.node(a).outputs[0], made[0], Ground::surroundings);
        if (length == 0)
          pair_nodes(a, b, Ground::surroundings);  // one operator in place of another
      }
      return true;
    }
  }
  return false;
}

}  // namespace pot
