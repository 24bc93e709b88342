#include "passes/align.h"

#include <algorithm>
#include <string>

#include "passes/aligner.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;
constexpr std::size_t kLargestRegion = 200;

}  // namespace

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
      const bool several = doubtful.contains(b) || undecided_.contains(output);
      (several ? made.ambiguous : made.unmatched).emplace_back(cand_.name(output));
      continue;
    }
    const std::string ours(ref_.name(partner));
    made.values.push_back({ours, std::string(cand_.name(output)), sure(output)});
    if (ground_[output] == Ground::surroundings) made.doubtful.emplace_back(cand_.name(output));
    if (moved_[output]) made.rearranged.emplace_back(cand_.name(output));
    for (const ValueId twin : cand_.value(output).twins) list_twin(output, twin, ours, made);
  }
}

/// A node that computes what another one does was merged with it. Where names are trusted, its own
/// name may say that it should have computed something else.
void Aligner::list_twin(std::uint32_t value, ValueId twin, const std::string& partner,
                        Alignment& made) const {
  const Graph& theirs = cand_.model.graph();
  const Graph& ours = ref_.model.graph();
  const std::string name(theirs.value_name(twin));
  const ValueId same_name = trusts_names_ ? ours.find_value(name) : ValueId{};
  const NodeId made_by = same_name ? ours.value(same_name).producer : NodeId{};
  const NodeId twin_node = theirs.value(twin).producer;
  if (!made_by || ours.node(made_by).op_type != theirs.node(twin_node).op_type) {
    made.values.push_back({partner, name, sure(value)});
    return;
  }
  made.values.push_back({name, name, false});
  made.nodes.push_back({made_by, twin_node, name == partner});
}

void Aligner::list_revived(Alignment& made) const {
  for (const auto& [a, index] : revived_) {
    const NodeId id = cand_.skeleton.no_ops[index].id;
    const ValueId output = cand_.model.graph().node(id).outputs[0];
    made.nodes.push_back({ref_.node(a).id, id, false});
    made.values.push_back({std::string(ref_.name(ref_.node(a).outputs[0])),
                           std::string(cand_.model.graph().value_name(output)), false});
    std::erase(made.no_ops, id);
    std::erase(made.unmatched_reference, made.values.back().reference);
    std::erase(made.fused, made.values.back().reference);
  }
}

/// Values that a region computes on the way, and paired ones that it reads. False: it is too large.
bool Aligner::read_by_region(const Side& side, std::uint32_t value, Indices& inside,
                             Indices& read) const {
  Indices pending{value};
  std::unordered_set<std::uint32_t> seen{value};
  while (!pending.empty()) {
    const std::uint32_t producer = side.value(pending.back()).producer;
    pending.pop_back();
    if (producer == kNone) continue;
    for (const std::uint32_t input : side.node(producer).inputs) {
      if (input == kNone || side.constant(input) || !seen.insert(input).second) continue;
      const std::uint32_t partner = side.value_partner[input];
      if (partner != kNone || side.value(input).producer == kNone) {
        read.push_back(ref_.value(&side == &ref_ || partner == kNone ? input : partner).root);
      } else {
        inside.push_back(input);
        pending.push_back(input);
      }
    }
    if (inside.size() > kLargestRegion) return false;
  }
  std::sort(read.begin(), read.end());
  read.erase(std::unique(read.begin(), read.end()), read.end());
  return true;
}

/// A region of the reference stands for one of the candidate when both end in a pair and the
/// candidate's reads nothing else.
void Aligner::list_fused(Alignment& made) const {
  std::unordered_set<std::uint32_t> fused;
  for (std::uint32_t b = 0; b < cand_.skeleton.values.size(); ++b) {
    const std::uint32_t a = cand_.value_partner[b];
    if (a == kNone || ref_.value(a).producer == kNone) continue;
    Indices ours, theirs, our_reads, their_reads;
    if (!read_by_region(ref_, a, ours, our_reads) || ours.empty()) continue;
    if (!read_by_region(cand_, b, theirs, their_reads)) continue;
    if (!std::includes(our_reads.begin(), our_reads.end(), their_reads.begin(),
                       their_reads.end())) {
      continue;
    }
    fused.insert(ours.begin(), ours.end());
  }
  for (std::uint32_t a = 0; a < ref_.skeleton.values.size(); ++a) {
    if (fused.contains(a)) made.fused.emplace_back(ref_.name(a));
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
  list_fused(made);
  for (const auto& no_op : cand_.skeleton.no_ops) made.no_ops.push_back(no_op.id);
  list_revived(made);
  std::sort(made.constants.begin(), made.constants.end());
  made.constants.erase(std::unique(made.constants.begin(), made.constants.end()),
                       made.constants.end());
  return made;
}

Result<Alignment> align(const Model& reference, const Model& candidate,
                        std::span<const NamePair> inputs, std::span<const NamePair> outputs,
                        const Evidence& evidence) {
  // Two models of one file share their weights: where those lie tells them apart.
  const bool one_file = !reference.path().empty() && reference.path() == candidate.path();
  const LargeBy large = one_file ? LargeBy::place : LargeBy::samples;
  auto ours = make_skeleton(reference, large);
  if (!ours) return ours.error();
  auto theirs = make_skeleton(candidate, large);
  if (!theirs) return theirs.error();
  Aligner aligner(reference, candidate, std::move(ours).value(), std::move(theirs).value());
  aligner.pair_inputs(inputs);
  aligner.take(evidence);
  aligner.run(outputs);
  return aligner.result();
}

}  // namespace pot
