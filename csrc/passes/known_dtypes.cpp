#include "passes/known_dtypes.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pot {
namespace {

// Sorted, for binary search.
constexpr std::array<std::string_view, 49> kOwnDtype{"And",
                                                     "ArgMax",
                                                     "ArgMin",
                                                     "Bernoulli",
                                                     "BlackmanWindow",
                                                     "Cast",
                                                     "CastLike",
                                                     "Constant",
                                                     "ConstantOfShape",
                                                     "ConvInteger",
                                                     "DequantizeLinear",
                                                     "DynamicQuantizeLinear",
                                                     "Equal",
                                                     "EyeLike",
                                                     "Greater",
                                                     "GreaterOrEqual",
                                                     "HammingWindow",
                                                     "HannWindow",
                                                     "If",
                                                     "ImageDecoder",
                                                     "IsInf",
                                                     "IsNaN",
                                                     "Less",
                                                     "LessOrEqual",
                                                     "Loop",
                                                     "MatMulInteger",
                                                     "Multinomial",
                                                     "NonMaxSuppression",
                                                     "NonZero",
                                                     "Not",
                                                     "OneHot",
                                                     "Optional",
                                                     "OptionalGetElement",
                                                     "OptionalHasElement",
                                                     "Or",
                                                     "QuantizeLinear",
                                                     "RandomNormal",
                                                     "RandomNormalLike",
                                                     "RandomUniform",
                                                     "RandomUniformLike",
                                                     "Scan",
                                                     "SequenceAt",
                                                     "SequenceEmpty",
                                                     "SequenceLength",
                                                     "Shape",
                                                     "Size",
                                                     "TfIdfVectorizer",
                                                     "Where",
                                                     "Xor"};
static_assert(std::ranges::is_sorted(kOwnDtype));

bool makes_its_own(const Node& node) {
  return !node.is_standard() ||
         std::binary_search(kOwnDtype.begin(), kOwnDtype.end(), std::string_view(node.op_type));
}

}  // namespace

DType KnownDtypes::of(ValueId id) const {
  if (!id) return DType::undefined;
  if (id.index < learned_.size() && learned_[id.index] != DType::undefined) {
    return learned_[id.index];
  }
  if (const TensorRef tensor = graph_.constant(id, true)) return tensor->dtype();
  const TypeRef type = graph_.type(id);
  return type && type->is_tensor() ? type->dtype() : DType::undefined;
}

void KnownDtypes::learn(const Node& node) {
  if (node.outputs.empty() || !node.outputs[0] || node.inputs.empty()) return;
  DType dtype = DType::undefined;
  if (node.is("Cast")) {
    dtype = DType{static_cast<std::int32_t>(node.attr_int("to").value_or(0))};
  } else if (node.is("Where") && node.inputs.size() > 1) {
    dtype = of(node.inputs[1]);
  } else if (!makes_its_own(node)) {
    dtype = of(node.inputs[0]);
  }
  if (dtype == DType::undefined) return;
  const std::size_t index = node.outputs[0].index;
  if (learned_.size() <= index) learned_.resize(index + 1, DType::undefined);
  learned_[index] = dtype;
}

}  // namespace pot
