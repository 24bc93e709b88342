#include "passes/unchanged_input.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "ops/shared/op_table.h"

namespace pot {
namespace {

using Slot = std::optional<std::size_t>;
using Rule = Slot (*)(const NodeFacts& at, const Fact& made);

constexpr Slot kNone = std::nullopt;

bool same_dims(const Fact& a, const Fact& b) {
  return a.has_rank() && b.has_rank() && *a.dims == *b.dims;
}

/// Every element of the constant has these bytes.
template <class T>
bool all_are(const Tensor& tensor, T wanted) {
  const auto data = tensor.data();
  if (!data) return false;
  const ByteView bytes = data.value().view;
  for (std::size_t i = 0; i + sizeof wanted <= bytes.size(); i += sizeof wanted) {
    if (std::memcmp(bytes.data() + i, &wanted, sizeof wanted) != 0) return false;
  }
  return true;
}

enum class Neutral { plus_zero, minus_zero, one };

/// A neutral element has to be one bit pattern; of integers both zeros are the same.
bool holds_only(const Tensor& tensor, Neutral neutral) {
  const bool one = neutral == Neutral::one;
  const bool minus = neutral == Neutral::minus_zero;
  switch (tensor.dtype()) {
    case DType::float32:
      return all_are(tensor, one ? 1.0F : minus ? -0.0F : 0.0F);
    case DType::float64:
      return all_are(tensor, one ? 1.0 : minus ? -0.0 : 0.0);
    case DType::float16:
      return all_are(tensor, static_cast<std::uint16_t>(one ? 0x3C00 : minus ? 0x8000 : 0));
    case DType::bfloat16:
      return all_are(tensor, static_cast<std::uint16_t>(one ? 0x3F80 : minus ? 0x8000 : 0));
    case DType::int64:
    case DType::uint64:
      return all_are(tensor, static_cast<std::int64_t>(one));
    case DType::int32:
    case DType::uint32:
      return all_are(tensor, static_cast<std::int32_t>(one));
    case DType::int16:
    case DType::uint16:
      return all_are(tensor, static_cast<std::int16_t>(one));
    case DType::int8:
    case DType::uint8:
    case DType::boolean:
      return all_are(tensor, static_cast<std::int8_t>(one));
    default:
      return false;
  }
}

/// Nothing of a weight is read to find out whether it is all ones.
constexpr std::uint64_t kMostLookedAt = 4096;

bool is_neutral(const Fact& fact, Neutral neutral) {
  if (fact.constant) {
    return fact.constant->nbytes().value_or(kMostLookedAt + 1) <= kMostLookedAt &&
           fact.constant->count().value_or(0) != 0 && holds_only(*fact.constant, neutral);
  }
  // Elements that were computed are exact numbers, in which both zeros are the same.
  if (!fact.elements || fact.elements->empty()) return false;
  const bool whole = fact.dtype == DType::int64 || fact.dtype == DType::int32;
  if (neutral != Neutral::one && !whole) return false;
  const std::int64_t wanted = neutral == Neutral::one ? 1 : 0;
  return std::ranges::all_of(*fact.elements, [&](const Expr& e) { return e.is(wanted); });
}

Slot first_if(bool unchanged) { return unchanged ? Slot(0) : kNone; }

Slot identity(const NodeFacts&, const Fact&) { return 0; }

Slot dropout(const NodeFacts& at, const Fact&) {
  if (at.attr_int("is_test", 1) == 0) return kNone;
  if (!at.has(2)) return 0;
  const auto mode = numbers_of(at.in(2));
  return first_if(mode && *mode == std::vector<std::int64_t>{0});
}

Slot cast(const NodeFacts& at, const Fact& made) {
  return first_if(made.dtype != DType::undefined && at.in(0).dtype == made.dtype);
}

Slot of_one(const NodeFacts& at, const Fact&) { return first_if(at.input_count() == 1); }

Slot same_size(const NodeFacts& at, const Fact& made) {
  return first_if(same_dims(at.in(0), made));
}

Slot transpose(const NodeFacts& at, const Fact& made) {
  if (!same_dims(at.in(0), made)) return kNone;
  const Dims& dims = *made.dims;
  const auto perm = at.attr_ints("perm");
  std::int64_t last = -1;  // the axes of more than one element have to stay in order
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto axis =
        perm && i < perm->size() ? (*perm)[i] : static_cast<std::int64_t>(dims.size() - 1 - i);
    if (dims[i].is(1)) continue;
    if (axis < last) return kNone;
    last = axis;
  }
  return 0;
}

Slot slice(const NodeFacts& at, const Fact& made) {
  if (!same_dims(at.in(0), made)) return kNone;
  if (!at.has(4)) return 0;
  const auto steps = numbers_of(at.in(4));
  return first_if(steps && std::ranges::all_of(*steps, [](auto step) { return step > 0; }));
}

Slot pad(const NodeFacts& at, const Fact& made) {
  if (!same_dims(at.in(0), made)) return kNone;
  const auto listed = at.ints_or_input("pads", 1);
  return first_if(listed.numbers &&
                  std::ranges::all_of(*listed.numbers, [](auto each) { return each == 0; }));
}

/// Sizes can be equal where the scale is not 1: floor(10 * 1.05) is 10.
Slot resize(const NodeFacts& at, const Fact& made) {
  if (!same_dims(at.in(0), made)) return kNone;
  const bool crops = at.attr_string("coordinate_transformation_mode", "") == "tf_crop_and_resize";
  const bool stretches = at.attr_string("keep_aspect_ratio_policy", "stretch") == "stretch";
  if (crops || !stretches || at.attr_int("antialias", 0) != 0) return kNone;
  const bool upsample = at.node().op_type == "Upsample";
  const std::size_t scales = upsample || at.opset() < 11 ? 1 : 2;
  if (!upsample && scales == 2 && at.has(3) && !at.in(3).dims) return kNone;
  if (!upsample && scales == 2 && at.has(3)) return 0;  // by `sizes`
  return first_if(at.has(scales) && is_neutral(at.in(scales), Neutral::one));
}

Slot gather(const NodeFacts& at, const Fact& made) {
  const Fact& indices = at.in(1);
  if (!same_dims(at.in(0), made) || !indices.has_rank() || indices.rank() != 1) return kNone;
  const auto numbers = numbers_of(indices);
  if (!numbers) return kNone;
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    if ((*numbers)[i] != static_cast<std::int64_t>(i)) return kNone;
  }
  return 0;
}

Slot concat(const NodeFacts& at, const Fact& made) {
  if (!made.has_rank()) return kNone;
  const auto axis = normalized_axis(at.attr_int("axis", 0), made.rank());
  if (!axis) return kNone;
  Slot only;
  for (std::size_t slot = 0; slot < at.input_count(); ++slot) {
    const Fact& input = at.in(slot);
    const bool empty = input.has_rank() && *axis < input.rank() && (*input.dims)[*axis].is(0);
    if (empty) continue;
    if (only) return kNone;
    only = slot;
  }
  return only && same_dims(at.in(*only), made) ? only : kNone;
}

/// The other input, when this one is neutral and does not make the result larger.
Slot beside(const NodeFacts& at, const Fact& made, std::size_t neutral_slot, Neutral neutral) {
  const std::size_t other = 1 - neutral_slot;
  return same_dims(at.in(other), made) && is_neutral(at.in(neutral_slot), neutral) ? Slot(other)
                                                                                   : kNone;
}

/// Nothing that reads the value, nor what it makes of it, tells -0.0 from 0.0: attention scores,
/// to which masks are added before Softmax.
bool loses_sign_of_zero(const Graph& graph, ValueId id, int depth) {
  constexpr int kDeepest = 4;
  const auto uses = graph.uses(id);
  if (depth > kDeepest || graph.value(id).is_output || uses.empty()) return false;
  return std::ranges::all_of(uses, [&](const Use& use) {
    const Node& reader = graph.node(use.node);
    if (use.slot == Use::kCaptured || reader.outputs.size() != 1) return false;
    if (!reader.outputs[0]) return true;  // nothing is made of it
    if (reader.is("Softmax") || reader.is("Exp") || reader.is("Abs")) return true;
    const bool adds = reader.is("Add") || reader.is("Sub") || (reader.is("Where") && use.slot > 0);
    return adds && loses_sign_of_zero(graph, reader.outputs[0], depth + 1);
  });
}

Slot add(const NodeFacts& at, const Fact& made) {
  for (const std::size_t slot : {std::size_t{1}, std::size_t{0}}) {
    if (const Slot found = beside(at, made, slot, Neutral::minus_zero)) return found;
    const Slot found = beside(at, made, slot, Neutral::plus_zero);
    if (found && loses_sign_of_zero(at.graph(), at.node().outputs[0], 0)) return found;
  }
  return kNone;
}

Slot sub(const NodeFacts& at, const Fact& made) { return beside(at, made, 1, Neutral::plus_zero); }

Slot mul(const NodeFacts& at, const Fact& made) {
  const Slot found = beside(at, made, 1, Neutral::one);
  return found ? found : beside(at, made, 0, Neutral::one);
}

Slot div(const NodeFacts& at, const Fact& made) { return beside(at, made, 1, Neutral::one); }

Slot logical_or(const NodeFacts& at, const Fact& made) {
  const Slot found = beside(at, made, 1, Neutral::plus_zero);
  return found ? found : beside(at, made, 0, Neutral::plus_zero);
}

Slot where(const NodeFacts& at, const Fact& made) {
  const Elements condition = elements_of(at.in(0));
  if (!condition || condition->empty() || !condition->front().is_number()) return kNone;
  const Expr& answer = condition->front();
  if (!std::ranges::all_of(*condition, [&](const Expr& e) { return e == answer; })) return kNone;
  const std::size_t slot = answer.is(0) ? 2 : 1;
  return same_dims(at.in(slot), made) ? Slot(slot) : kNone;
}

Slot clip(const NodeFacts& at, const Fact&) {
  const bool limited = at.has(1) || at.has(2) || at.node().attribute("min") != nullptr ||
                       at.node().attribute("max") != nullptr;
  return first_if(!limited && at.opset() >= 11);  // before, the limits default to the float range
}

const std::unordered_map<std::string_view, Rule>& rules() {
  static const std::unordered_map<std::string_view, Rule> table{
      {"Identity", identity},
      {"Dropout", dropout},
      {"Cast", cast},
      {"CastLike", cast},
      {"Sum", of_one},
      {"Max", of_one},
      {"Min", of_one},
      {"Mean", of_one},
      {"Reshape", same_size},
      {"Flatten", same_size},
      {"Squeeze", same_size},
      {"Expand", same_size},
      {"Tile", same_size},
      {"Split", same_size},
      {"DepthToSpace", same_size},
      {"SpaceToDepth", same_size},
      {"Transpose", transpose},
      {"Slice", slice},
      {"Pad", pad},
      {"Resize", resize},
      {"Upsample", resize},
      {"Gather", gather},
      {"Concat", concat},
      {"Add", add},
      {"Sub", sub},
      {"Mul", mul},
      {"Div", div},
      {"And", mul},
      {"Or", logical_or},
      {"Where", where},
      {"Clip", clip},
  };
  return table;
}

}  // namespace

bool may_be_unchanged(const Node& node) {
  return node.is_standard() && rules().contains(std::string_view(node.op_type));
}

Slot unchanged_input(const NodeFacts& at, const Fact& made) {
  const auto rule = rules().find(std::string_view(at.node().op_type));
  if (rule == rules().end() || !at.node().is_standard()) return kNone;
  const Slot slot = rule->second(at, made);
  return slot && at.has(*slot) ? slot : kNone;
}

}  // namespace pot
