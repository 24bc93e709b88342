// Rules over what values hold: equal numbers, in the order of the graph, with a single answer.

#include <algorithm>
#include <span>

#include "passes/aligner.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;

/// Values above (or below) one, itself left out.
std::vector<bool> reached(const Side& side, std::uint32_t value, bool upwards) {
  std::vector<bool> seen(side.skeleton.values.size());
  Indices pending{value};
  const auto see = [&](std::uint32_t next) {
    if (next == kNone || seen[next]) return;
    seen[next] = true;
    pending.push_back(next);
  };
  while (!pending.empty()) {
    const auto& from = side.value(pending.back());
    pending.pop_back();
    if (upwards && from.producer != kNone) {
      for (const std::uint32_t input : side.node(from.producer).inputs) see(input);
    }
    if (upwards) continue;
    for (const auto& use : from.uses) {
      for (const std::uint32_t output : side.node(use.node).outputs) see(output);
    }
  }
  return seen;
}

template <class Wanted>
void prefer(Indices& found, Wanted wanted) {
  Indices better;
  std::copy_if(found.begin(), found.end(), std::back_inserter(better), wanted);
  if (!better.empty()) found = std::move(better);
}

/// Whether the node that makes a value reads one of the others, or something that holds the same.
bool made_from(const Side& side, std::uint32_t value, std::span<const std::uint32_t> others) {
  const std::uint32_t maker = side.value(value).producer;
  if (maker == kNone) return false;
  const auto& read = side.node(maker).inputs;
  return std::any_of(read.begin(), read.end(), [&](auto input) {
    return input != kNone && std::any_of(others.begin(), others.end(), [&](auto other) {
             return side.value(other).root == side.value(input).root;
           });
  });
}

/// Values of equal numbers that were made from the first one: by rearranging it, by padding it with
/// nothing, by a slice of all of it. Producers come first.
bool all_copies(const Side& side, const Indices& values) {
  for (std::size_t i = 1; i < values.size(); ++i) {
    const bool rearranged = side.value(values[i]).root == side.value(values[0]).root;
    if (!rearranged && !made_from(side, values[i], std::span(values).first(i))) return false;
  }
  return true;
}

}  // namespace

bool Aligner::by_fingerprints() {
  bool progress = false;
  for (std::uint32_t b = 0; b < near_.of_theirs.size(); ++b) {
    if (cand_.value_partner[b] != kNone || near_.of_theirs[b].empty()) continue;
    const std::uint32_t a = partner_by_print(b);
    if (a == kNone) continue;
    pair_by_print(a, b);
    progress = true;
  }
  return progress;
}

/// The one value that `b` can be; kNone where there is none, or more than one.
std::uint32_t Aligner::partner_by_print(std::uint32_t b) {
  Indices fits;
  for (const std::uint32_t a : near_.of_theirs[b]) {
    if (may_be(a, b)) fits.push_back(a);
  }
  prefer(fits, [&](auto a) { return in_same_form(a, b); });
  if (fits.size() > 1) prefer(fits, [&](auto a) { return same_maker(a, b); });
  if (fits.empty()) return kNone;
  if (!all_copies(ref_, fits)) {
    undecided_.insert(b);
    return kNone;
  }
  if (has_rival(fits[0], b)) {
    undecided_.insert(b);
    return kNone;
  }
  undecided_.erase(b);
  return crosses(fits[0], b) ? kNone : fits[0];
}

/// Nothing stands against it: `a` is free, or taken by a value that holds the same as `b`.
bool Aligner::may_be(std::uint32_t a, std::uint32_t b) const {
  if (told_apart(a, b) || ref_.constant(a) || cand_.constant(b)) return false;
  // A node that reads something else may compute what another does: its name says which it is.
  const auto named = namesake_.find(b);
  if (named != namesake_.end() && named->second != a && !told_apart(named->second, b)) return false;
  const std::uint32_t taken = ref_.value_partner[a];
  if (taken == kNone || cand_.value(taken).root == cand_.value(b).root) return true;
  // A copy that some node makes of a value that is paired: padding by nothing, a whole slice.
  const std::uint32_t maker = cand_.value(b).producer;
  if (maker == kNone || !in_same_form(a, b)) return false;
  const auto& read = cand_.node(maker).inputs;
  return std::find(read.begin(), read.end(), taken) != read.end();
}

bool Aligner::in_same_form(std::uint32_t a, std::uint32_t b) const {
  return our_prints_[a] && their_prints_[b] && same_form(*our_prints_[a], *their_prints_[b]);
}

/// Made by one operator, from values that are paired as far as they are known.
bool Aligner::same_maker(std::uint32_t a, std::uint32_t b) const {
  const std::uint32_t ours = ref_.value(a).producer;
  const std::uint32_t theirs = cand_.value(b).producer;
  if (ours == kNone || theirs == kNone || ref_.node(ours).op != cand_.node(theirs).op) return false;
  if (ref_.value(a).slot != cand_.value(b).slot) return false;
  const auto& read = ref_.node(ours).inputs;
  for (const std::uint32_t input : cand_.node(theirs).inputs) {
    if (input == kNone || cand_.constant(input) || cand_.value_partner[input] == kNone) continue;
    const std::uint32_t root = ref_.value(cand_.value_partner[input]).root;
    const bool known = std::any_of(read.begin(), read.end(), [&](auto other) {
      return other != kNone && ref_.value(other).root == root;
    });
    if (!known) return false;
  }
  return true;
}

/// Another free value of the candidate that `a` fits as well as it fits `b`.
bool Aligner::has_rival(std::uint32_t a, std::uint32_t b) const {
  const bool form = in_same_form(a, b);
  const bool maker = same_maker(a, b);
  const auto& near = near_.of_ours[a];
  return std::any_of(near.begin(), near.end(), [&](auto other) {
    return other != b && cand_.value_partner[other] == kNone &&
           cand_.value(other).root != cand_.value(b).root &&
           !made_from(cand_, other, std::span(&b, 1)) && in_same_form(a, other) >= form &&
           same_maker(a, other) >= maker;
  });
}

bool Aligner::crosses(std::uint32_t a, std::uint32_t b) const {
  const auto above_ours = reached(ref_, a, true), below_ours = reached(ref_, a, false);
  const auto above_theirs = reached(cand_, b, true), below_theirs = reached(cand_, b, false);
  for (std::uint32_t other = 0; other < cand_.value_partner.size(); ++other) {
    const std::uint32_t partner = cand_.value_partner[other];
    if (partner == kNone || cand_.value(other).root == cand_.value(b).root) continue;
    if (above_ours[partner] && below_theirs[other]) return true;
    if (below_ours[partner] && above_theirs[other]) return true;
  }
  return false;
}

/// Their makers are a pair too where they are of one operator; in a Split that was wired
/// otherwise, an output is that of another slot.
void Aligner::pair_by_print(std::uint32_t a, std::uint32_t b) {
  const bool moved = !in_same_form(a, b);
  pair_values(a, b, Ground::values, moved);
  const std::uint32_t ours = ref_.value(a).producer;
  const std::uint32_t theirs = cand_.value(b).producer;
  if (!same_maker(a, b) || ref_.node_partner[ours] != kNone) return;
  if (cand_.node_partner[theirs] != kNone || outputs_told_apart(ours, theirs)) return;
  pair_nodes(ours, theirs, Ground::values, moved);
}

}  // namespace pot
