#include "passes/align.h"

#include <algorithm>
#include <string>

#include "passes/aligner.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;

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
  made.no_ops = cand_.skeleton.no_ops;
  std::sort(made.constants.begin(), made.constants.end());
  made.constants.erase(std::unique(made.constants.begin(), made.constants.end()),
                       made.constants.end());
  return made;
}

Result<Alignment> align(const Model& reference, const Model& candidate,
                        std::span<const NamePair> inputs, std::span<const NamePair> outputs) {
  // Two models of one file share their weights: where those lie tells them apart.
  const bool one_file = !reference.path().empty() && reference.path() == candidate.path();
  const LargeBy large = one_file ? LargeBy::place : LargeBy::samples;
  auto ours = make_skeleton(reference, large);
  if (!ours) return ours.error();
  auto theirs = make_skeleton(candidate, large);
  if (!theirs) return theirs.error();
  Aligner aligner(reference, candidate, std::move(ours).value(), std::move(theirs).value());
  aligner.pair_inputs(inputs);
  aligner.run(outputs);
  return aligner.result();
}

}  // namespace pot
