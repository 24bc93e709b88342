#pragma once
// Nodes that no exporter writes, with what may be known of their inputs: what the rules of
// operators are asked so that the sanitizers see what they do.

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/op_table.h"

namespace pot::strange {

inline constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
inline constexpr std::array<std::int64_t, 14> kNumbers{
    0, 1, 1, 2, 2, 3, 4, -1, -7, kMost, kLeast, kMost / 2 + 1, 0x7fffffff, -0x80000000LL};
inline constexpr std::array kTexts{"",  "VALID",     "SAME_LOWER", "none", "bidirectional",
                                   "i", "ij,jk->ik", "...i,i...",  "->",   "not_larger"};

inline constexpr std::array kInts{"axis",
                                  "batch_dims",
                                  "block_size",
                                  "blocksize",
                                  "ceil_mode",
                                  "dtype",
                                  "end",
                                  "fmod",
                                  "group",
                                  "hidden_size",
                                  "inverse",
                                  "k",
                                  "keepdims",
                                  "kv_num_heads",
                                  "layout",
                                  "new_axis",
                                  "num_groups",
                                  "num_heads",
                                  "num_outputs",
                                  "num_scan_inputs",
                                  "onesided",
                                  "output_dtype",
                                  "output_height",
                                  "output_width",
                                  "q_num_heads",
                                  "sample_size",
                                  "spatial",
                                  "start",
                                  "stash_type",
                                  "to",
                                  "training_mode",
                                  "transA",
                                  "transB",
                                  "allowzero",
                                  "output_datatype",
                                  "batch_axis",
                                  "time_axis",
                                  "maxsplit",
                                  "K",
                                  "N"};
inline constexpr std::array kLists{
    "axes",           "dilations",    "ends",   "kernel_shape", "ngram_indexes",
    "output_padding", "output_shape", "pads",   "perm",         "pooled_shape",
    "shape",          "split",        "starts", "strides",      "value_ints"};
inline constexpr std::array kStrings{"auto_pad",
                                     "direction",
                                     "equation",
                                     "mode",
                                     "reduction",
                                     "keep_aspect_ratio_policy",
                                     "coordinate_transformation_mode"};

class Strange {
 public:
  explicit Strange(std::uint32_t seed) : random_(seed) {}

  Fact fact() {
    switch (below(6)) {
      case 0:
        return Fact{};
      case 1:
        return tensor_fact(dtype());
      case 2:
        return elements();
      case 3:
        return below(2) == 0 ? sequence_fact({tensor_fact(dtype())}) : sequence_fact(Fact{});
      default:
        return tensor_fact(dtype(), sizes());
    }
  }

  Node node(Graph& graph, const std::string& op_type, const std::string& domain) {
    Node out;
    out.op_type = Text(op_type);
    out.domain = Text(domain);
    const std::size_t inputs = below(9);
    for (std::size_t i = 0; i < inputs; ++i) {
      out.inputs.push_back(graph.intern(below(5) == 0 ? "" : "x" + std::to_string(i)));
    }
    const std::size_t outputs = below(5);
    for (std::size_t i = 0; i < outputs; ++i) {
      out.outputs.push_back(graph.intern("y" + std::to_string(i)));
    }
    for (const char* name : kInts) add(out, name, number());
    for (const char* name : kLists) add(out, name, list());
    for (const char* name : kStrings) add(out, name, std::string(kTexts[below(kTexts.size())]));
    add(out, "scales", std::vector<float>{0.7F, -1.0F, 3e38F, 0.0F});
    return out;
  }

  /// One for each input that is there.
  std::vector<Fact> facts(const Node& node) {
    std::vector<Fact> out;
    for (const ValueId input : node.inputs) out.push_back(input ? fact() : Fact{});
    return out;
  }

  std::int64_t opset() {
    constexpr std::array<std::int64_t, 9> kOpsets{1, 7, 9, 11, 13, 18, 21, 23, 28};
    return kOpsets[below(kOpsets.size())];
  }

  std::size_t below(std::size_t end) { return random_() % end; }

 private:
  /// Now and then under a type that the operator does not expect.
  void add(Node& node, const char* name, AttributeValue value) {
    if (below(3) != 0) return;
    if (below(12) == 0) value = std::string("strange");
    node.attributes.emplace_back(name, std::move(value));
  }

  std::int64_t number() { return kNumbers[below(kNumbers.size())]; }

  std::vector<std::int64_t> list() {
    std::vector<std::int64_t> out(below(6));
    for (auto& each : out) each = number();
    return out;
  }

  DType dtype() { return DType{static_cast<std::int32_t>(below(30))}; }

  Expr size() {
    switch (below(6)) {
      case 0:
        return Expr::symbol("h");
      case 1:
        return floor_div(Expr::symbol("w"), 2);
      case 2:
        return Expr::fresh_size("strange");
      case 3:
        return Expr(std::int64_t{1} << below(62));
      default:
        return Expr(static_cast<std::int64_t>(below(6)));
    }
  }

  Dims sizes() {
    Dims out(below(6));
    for (auto& each : out) each = size();
    return out;
  }

  Fact elements() {
    std::vector<Expr> out(below(6));
    for (auto& each : out) each = below(3) == 0 ? size() : Expr(number());
    const auto count = static_cast<std::int64_t>(out.size());
    const bool scalar = count == 1 && below(2) == 0;
    return tensor_fact(below(4) == 0 ? DType::float32 : DType::int64,
                       scalar ? std::vector<std::int64_t>{} : std::vector{count}, std::move(out));
  }

  std::mt19937 random_;
};

}  // namespace pot::strange
