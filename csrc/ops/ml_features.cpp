// Features of ai.onnx.ml: scaled, filled in, encoded, picked and put together.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr std::string_view kDomain = "ai.onnx.ml";

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

Inferred as_floats(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), DType::float32)};
}

/// Words become numbers and numbers words.
DType other_label(DType dtype) {
  if (dtype == DType::undefined) return dtype;
  return dtype == DType::string ? DType::int64 : DType::string;
}

Inferred mapped_category(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), other_label(at.in(0).dtype))};
}

/// The attribute that holds the values says their type.
Inferred encoded_label(const NodeFacts& at) {
  const Node& node = at.node();
  DType dtype = DType::undefined;
  if (at.opset() < 2) dtype = other_label(at.in(0).dtype);
  if (node.attribute("values_strings")) dtype = DType::string;
  if (node.attribute("values_int64s")) dtype = DType::int64;
  if (node.attribute("values_floats")) dtype = DType::float32;
  if (const TensorRef values = node.attr_tensor("values_tensor")) dtype = values->dtype();
  return std::vector{shaped_like(at.in(0), dtype)};
}

std::size_t count_strings(const NodeFacts& at, std::string_view name) {
  const Attribute* found = at.node().attribute(name);
  const auto* list = found ? found->get<std::vector<std::string>>() : nullptr;
  return list ? list->size() : 0;
}

/// Entries of one of two lists: of numbers or of words.
Expr entries(const NodeFacts& at, std::string_view numbers, std::string_view words) {
  const auto list = at.attr_ints(numbers);
  const std::size_t count = list && !list->empty() ? list->size() : count_strings(at, words);
  return Expr(static_cast<std::int64_t>(count));
}

Inferred one_hot(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(DType::float32)};
  Fact out = shaped_like(x, DType::float32);
  out.dims->push_back(entries(at, "cats_int64s", "cats_strings"));
  return std::vector{std::move(out)};
}

/// Columns of the last axis, as many as there are indices.
Inferred extracted(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const Fact& indices = at.in(1);
  if (!x.has_rank() || x.rank() == 0) return std::vector{tensor_fact(x.dtype)};
  const Expr count = indices.has_rank() ? indices.count()
                                        : at.unknown_size("the shape of its indices is not known");
  Fact out = without_elements(x);
  if (out.rank() == 1) out.dims->insert(out.dims->begin(), Expr(1));
  out.dims->back() = count;
  return std::vector{std::move(out)};
}

/// Rows put side by side; an attribute says how wide each is.
Inferred vectorized(const NodeFacts& at) {
  const Fact& x = at.in(0);
  Expr width(0);
  const auto widths = at.attr_ints("inputdimensions");
  for (const std::int64_t each : widths.value_or(std::vector<std::int64_t>{})) {
    if (each < 0) return contradiction("inputdimensions holds " + std::to_string(each));
    width = width + Expr(each);
  }
  if (!widths) width = at.unknown_size("inputdimensions is missing");
  Expr rows = at.unknown_size("the shape of its input is not known");
  if (x.has_rank() && x.rank() > 0) rows = x.rank() == 1 ? Expr(1) : (*x.dims)[0];
  return std::vector{tensor_fact(DType::float32, Dims{rows, width})};
}

DType value_dtype(const Fact& map) {
  return map.type && map.type->inner ? map.type->inner->dtype() : DType::undefined;
}

Inferred from_dictionary(const NodeFacts& at) {
  return std::vector{tensor_fact(
      value_dtype(at.in(0)), Dims{Expr(1), entries(at, "int64_vocabulary", "string_vocabulary")})};
}

Inferred from_map(const NodeFacts& at) {
  const std::string to = at.attr_string("cast_to", "TO_FLOAT");
  DType dtype = to == "TO_INT64" ? DType::int64 : DType::float32;
  if (to == "TO_STRING") dtype = DType::string;
  const bool sparse = at.attr_string("map_form", "DENSE") == "SPARSE";
  const std::int64_t most = at.attr_int("max_map", 1);
  const Expr width = sparse && most >= 0 ? Expr(most) : at.unknown_size("the map decides its size");
  return std::vector{tensor_fact(dtype, Dims{Expr(1), width})};
}

/// For each row a map from the label of each class to its score.
Inferred zipped(const NodeFacts& at) {
  const bool words = count_strings(at, "classlabels_strings") > 0;
  auto map = std::make_shared<Type>();
  map->kind = Type::Kind::map;
  map->elem = static_cast<std::int32_t>(words ? DType::string : DType::int64);
  map->inner = tensor_type(DType::float32, std::vector<Dim>{});
  Fact row;
  row.kind = Fact::Kind::other;
  row.type = std::move(map);
  return std::vector{sequence_fact(std::move(row))};
}

}  // namespace

void register_ml_features(OpTable& table) {
  table.add("Binarizer", {.shape = like_input, .layout = unary_layout}, kDomain);
  table.add("Imputer", {.shape = like_input}, kDomain);
  table.add("Normalizer", {.traits = {.accumulation = Accumulation::norm}, .shape = as_floats},
            kDomain);
  table.add("Scaler", {.shape = as_floats}, kDomain);
  table.add("CategoryMapper", {.shape = mapped_category, .layout = unary_layout}, kDomain);
  table.add("LabelEncoder", {.shape = encoded_label, .layout = unary_layout}, kDomain);
  table.add("OneHotEncoder", {.shape = one_hot}, kDomain);
  table.add("ArrayFeatureExtractor", {.shape = extracted}, kDomain);
  table.add("FeatureVectorizer", {.shape = vectorized}, kDomain);
  table.add("DictVectorizer", {.shape = from_dictionary}, kDomain);
  table.add("CastMap", {.shape = from_map}, kDomain);
  table.add("ZipMap", {.traits = {.non_tensor = true}, .shape = zipped}, kDomain);
}

}  // namespace pot
