#include "passes/aligner.h"

#include <algorithm>

#include "passes/constant_key.h"

namespace pot {
namespace {

constexpr std::uint32_t kNone = Skeleton::kNone;

/// Constants and omitted inputs at the end do not count: a Conv may gain a bias.
void normalize(Indices& inputs, bool commutative) {
  if (commutative) std::sort(inputs.begin(), inputs.end());
  while (!inputs.empty() && inputs.back() == kNone) inputs.pop_back();
}

}  // namespace

Aligner::Aligner(const Model& reference, const Model& candidate, Skeleton ours, Skeleton theirs)
    : ref_{reference, std::move(ours), {}, {}}, cand_{candidate, std::move(theirs), {}, {}} {
  for (Side* side : {&ref_, &cand_}) {
    side->node_partner.assign(side->skeleton.nodes.size(), kNone);
    side->value_partner.assign(side->skeleton.values.size(), kNone);
  }
  ground_.assign(cand_.skeleton.values.size(), Ground::none);
  moved_.assign(cand_.skeleton.values.size(), false);
}

void Aligner::pair_inputs(std::span<const NamePair> inputs) {
  for (const auto& [ours, theirs] : inputs) {
    const std::uint32_t a = ref_.skeleton.find(ref_.model.graph(), ours);
    const std::uint32_t b = cand_.skeleton.find(cand_.model.graph(), theirs);
    if (a != kNone && b != kNone) pair_values(a, b, Ground::same);
  }
}

void Aligner::take(const Evidence& evidence) {
  const auto ours = [&](std::string_view name) {
    return ref_.skeleton.find(ref_.model.graph(), name);
  };
  const auto theirs = [&](std::string_view name) {
    return cand_.skeleton.find(cand_.model.graph(), name);
  };
  for (const auto& [reference, candidate] : evidence.apart) {
    const std::uint32_t a = ours(reference);
    const std::uint32_t b = theirs(candidate);
    if (a != kNone && b != kNone) apart_.insert(std::uint64_t{a} << 32 | b);
  }
  for (const auto& [reference, candidate] : evidence.given) {
    const std::uint32_t a = ours(reference);
    const std::uint32_t b = theirs(candidate);
    if (a != kNone && b != kNone) pair_values(a, b, Ground::values, true);
  }
  if (evidence.ours.empty() || evidence.theirs.empty()) return;
  our_prints_.assign(ref_.skeleton.values.size(), nullptr);
  their_prints_.assign(cand_.skeleton.values.size(), nullptr);
  for (const auto& [name, prints] : evidence.ours) {
    if (const std::uint32_t a = ours(name); a != kNone) our_prints_[a] = &prints;
  }
  for (const auto& [name, prints] : evidence.theirs) {
    if (const std::uint32_t b = theirs(name); b != kNone) their_prints_[b] = &prints;
  }
  near_ = near_values(our_prints_, their_prints_);
}

void Aligner::run(std::span<const NamePair> outputs) {
  trust_names();
  forward_from_constants();
  forward();
  while (by_fingerprints()) forward();
  by_trusted_names();
  forward();
  for (const auto& [ours, theirs] : outputs) {
    const std::uint32_t a = ref_.skeleton.find(ref_.model.graph(), ours);
    const std::uint32_t b = cand_.skeleton.find(cand_.model.graph(), theirs);
    if (a != kNone && b != kNone) stand_for(a, b);
  }
  for (bool progress = true; progress;) {
    progress = forward() || by_fingerprints() || through_layout() || backward() ||
               resolve_waiting() || sideways(true) || by_name() || bridged() || sideways(false) ||
               by_constants() || rearranged_only();
  }
  spread_moves();
  revive_no_ops();
}

/// What is computed from moved values is moved as well, where declared shapes do not tell.
void Aligner::spread_moves() {
  for (std::uint32_t b = 0; b < cand_.skeleton.nodes.size(); ++b) {
    const auto& inputs = cand_.node(b).inputs;
    const bool moved = std::any_of(inputs.begin(), inputs.end(),
                                   [&](auto input) { return input != kNone && moved_[input]; });
    if (!moved) continue;
    for (const std::uint32_t output : cand_.node(b).outputs) {
      if (output == kNone || cand_.value_partner[output] == kNone || moved_[output]) continue;
      const std::uint32_t partner = cand_.value_partner[output];
      const bool seen = !our_prints_.empty() && our_prints_[partner] && their_prints_[output];
      if (seen && ground_[output] == Ground::values) continue;
      if (declared_alike(partner, output)) continue;
      moved_[output] = true;
      ground_[output] = std::min(ground_[output], Ground::placed);
    }
  }
}

/// Both models declare one shape that no permutation of its axes has as well.
bool Aligner::declared_alike(std::uint32_t a, std::uint32_t b) const {
  const TypeRef ours = ref_.model.graph().type(ref_.value(a).id);
  const TypeRef theirs = cand_.model.graph().type(cand_.value(b).id);
  if (!ours || !theirs || !ours->shape || !theirs->shape) return false;
  const auto& dims = ours->shape->dims;
  const auto& others = theirs->shape->dims;
  if (dims.size() != others.size()) return false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!dims[i].same_as(others[i])) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (dims[i].number() != 1 && dims[i].same_as(dims[j])) return false;
    }
  }
  return true;
}

void Aligner::pair_values(std::uint32_t a, std::uint32_t b, Ground ground, bool moved) {
  if (cand_.value_partner[b] != kNone || told_apart(a, b)) return;
  cand_.value_partner[b] = a;
  const bool seen = !our_prints_.empty() && our_prints_[a] && their_prints_[b];
  if (seen && distance(*our_prints_[a], *their_prints_[b]) != kNotAlike) {
    ground = std::max(ground, Ground::values);
    moved = !in_same_form(a, b);
  }
  ground_[b] = ground;
  moved_[b] = moved;
  if (ref_.value_partner[a] == kNone) ref_.value_partner[a] = b;
  fresh_.push_back(b);
}

void Aligner::stand_for(std::uint32_t a, std::uint32_t b) {
  if (ref_.constant(a) || cand_.constant(b)) return;
  pair_values(a, b, Ground::surroundings);
  if (cand_.value_partner[b] == a) backward_.emplace_back(a, b);
}

void Aligner::pair_nodes(std::uint32_t a, std::uint32_t b, Ground ground, bool moved) {
  ref_.node_partner[a] = b;
  cand_.node_partner[b] = a;
  for (const std::uint32_t input : cand_.node(b).inputs) {
    if (input != kNone) moved = moved || moved_[input];
  }
  // An axis means another one where the axes were moved.
  if (moved && ground == Ground::same) ground = Ground::placed;
  const auto& ours = ref_.node(a).outputs;
  const auto& theirs = cand_.node(b).outputs;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    if (ours[i] != kNone && theirs[i] != kNone) pair_values(ours[i], theirs[i], ground, moved);
  }
  // What a weakly paired node reads belongs together as well, slot by slot.
  if (ground != Ground::same) inputs_of_.emplace_back(a, b);
}

bool Aligner::outputs_told_apart(std::uint32_t a, std::uint32_t b) const {
  const auto& ours = ref_.node(a).outputs;
  const auto& theirs = cand_.node(b).outputs;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    if (ours[i] != kNone && theirs[i] != kNone && told_apart(ours[i], theirs[i])) return true;
  }
  return false;
}

bool Aligner::mapped_inputs(std::uint32_t b, Indices& mapped) const {
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

Indices Aligner::own_inputs(std::uint32_t a) const {
  Indices own;
  for (const std::uint32_t input : ref_.node(a).inputs) {
    own.push_back(ref_.constant(input) ? kNone : input);
  }
  normalize(own, ref_.node(a).commutative);
  return own;
}

std::uint64_t constants_key(const Side& side, std::uint32_t node, bool shapes_only) {
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

std::uint64_t full_key(const Side& side, std::uint32_t node) {
  return mix({side.node(node).attributes, constants_key(side, node, false)});
}

std::vector<std::uint64_t> readers(const Side& side, std::uint32_t node) {
  std::vector<std::uint64_t> ops;
  for (const std::uint32_t output : side.node(node).outputs) {
    if (output == kNone) continue;
    if (side.value(output).is_output) ops.push_back(1);
    for (const auto& use : side.value(output).uses) ops.push_back(side.node(use.node).op);
  }
  std::sort(ops.begin(), ops.end());
  return ops;
}

bool Aligner::same_name(std::uint32_t a, std::uint32_t b) const {
  // Of the value, not of the node: a fused node often keeps the name of its first part.
  const std::uint32_t ours = ref_.node(a).outputs.empty() ? kNone : ref_.node(a).outputs[0];
  const std::uint32_t theirs = cand_.node(b).outputs.empty() ? kNone : cand_.node(b).outputs[0];
  return ours != kNone && theirs != kNone && ref_.name(ours) == cand_.name(theirs);
}

std::uint64_t Aligner::ancestry(const Side& side, std::uint32_t value, int depth) const {
  if (value == kNone) return 0;
  // A paired value has the same key on both sides: the index of the reference's.
  const std::uint32_t partner = side.value_partner[value];
  if (partner != kNone) return mix({1, &side == &ref_ ? value : partner});
  const std::uint32_t producer = side.value(value).producer;
  if (producer == kNone || depth == 0) return 2;
  const auto& node = side.node(producer);
  std::vector<std::uint64_t> above;
  for (const auto input : node.inputs) {
    if (!side.constant(input)) above.push_back(ancestry(side, input, depth - 1));
  }
  if (node.commutative) std::sort(above.begin(), above.end());
  std::uint64_t key = mix({node.op, side.value(value).slot, constants_key(side, producer, true)});
  for (const std::uint64_t part : above) key = mix({key, part});
  return key;
}

/// Nodes that read the same: whether one also stands where the other does. Something may be folded
/// into it when its readers are others, when it has another set of constants, or a large one that
/// has no element of the other's.
bool Aligner::in_place(std::uint32_t a, std::uint32_t b) const {
  if (readers(ref_, a) != readers(cand_, b)) return false;
  if (constants_key(ref_, a, true) != constants_key(cand_, b, true)) return false;
  const auto& ours = ref_.node(a).inputs;
  const auto& theirs = cand_.node(b).inputs;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    if (!ref_.constant(ours[i]) || !cand_.constant(theirs[i])) continue;
    if (ref_.value(ours[i]).constant == cand_.value(theirs[i]).constant) continue;
    if (nothing_in_common(constant_tensor(ref_.model.graph(), ref_.value(ours[i]).id),
                          constant_tensor(cand_.model.graph(), cand_.value(theirs[i]).id))) {
      return false;
    }
  }
  return true;
}

int Aligner::likeness(std::uint32_t a, std::uint32_t b) const {
  int points = 0;
  if (readers(ref_, a) == readers(cand_, b)) points += 4;
  if (same_name(a, b)) points += 4;
  if (points == 0) return 0;
  if (ref_.node(a).attributes == cand_.node(b).attributes) points += 2;
  if (constants_key(ref_, a, false) == constants_key(cand_, b, false)) points += 2;
  if (constants_key(ref_, a, true) == constants_key(cand_, b, true)) points += 1;
  return points;
}

}  // namespace pot
