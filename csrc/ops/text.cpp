// Operators on strings.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Stop words are left out, so that the data decides how many stay: at least one, as an empty
/// string stands for none.
Inferred string_normalizer(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const Attribute* stop_words = at.node().attribute("stopwords");
  const auto* words = stop_words ? stop_words->get<std::vector<std::string>>() : nullptr;
  if (!words || words->empty()) return std::vector{shaped_like(x, DType::string)};
  if (!x.has_rank()) return std::vector{tensor_fact(DType::string)};
  if (x.rank() != 1 && x.rank() != 2) return require_rank(at, 0, 1).error();
  Dims dims = *x.dims;
  dims.back() = at.unknown_size("the data decides which words stay");
  return std::vector{tensor_fact(DType::string, std::move(dims))};
}

/// The last axis, if there is one, becomes one number for each n-gram.
Inferred tf_idf(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(DType::float32)};
  const auto indexes = at.attr_ints("ngram_indexes");
  const bool known = indexes && !indexes->empty();
  if (known && *std::ranges::min_element(*indexes) < 0) {
    return contradiction("ngram_indexes holds " +
                         std::to_string(*std::ranges::min_element(*indexes)));
  }
  if (x.rank() > 2) return require_rank(at, 0, 2).error();
  Dims dims(x.dims->begin(), x.rank() == 2 ? x.dims->begin() + 1 : x.dims->begin());
  dims.push_back(known ? Expr(*std::ranges::max_element(*indexes)) + 1
                       : at.unknown_size("ngram_indexes is missing"));
  return std::vector{tensor_fact(DType::float32, std::move(dims))};
}

Inferred string_concat(const NodeFacts& at) {
  if (!at.in(0).has_rank() || !at.in(1).has_rank()) {
    return std::vector{tensor_fact(DType::string)};
  }
  const Dims shapes[] = {*at.in(0).dims, *at.in(1).dims};
  auto dims = broadcast_dims(shapes);
  if (!dims) {
    return contradiction(quoted(at, 0) + " and " + quoted(at, 1) + ": " + dims.error().message);
  }
  return std::vector{tensor_fact(DType::string, std::move(dims).value())};
}

/// The parts of each string, and how many they are.
Inferred string_split(const NodeFacts& at) {
  const Fact& x = at.in(0);
  std::vector out{tensor_fact(DType::string), shaped_like(x, DType::int64)};
  if (x.has_rank()) {
    out[0].dims = *x.dims;
    out[0].dims->push_back(at.unknown_size("the data decides how many parts a string has"));
  }
  return out;
}

Inferred regex_full_match(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), DType::boolean)};
}

}  // namespace

void register_text(OpTable& table) {
  table.add("StringNormalizer", {.shape = string_normalizer});
  table.add("TfIdfVectorizer", {.shape = tf_idf});
  table.add("StringConcat", {.shape = string_concat, .layout = broadcast_layout});
  table.add("StringSplit", {.shape = string_split});
  table.add("RegexFullMatch", {.shape = regex_full_match, .layout = unary_layout});
}

}  // namespace pot
