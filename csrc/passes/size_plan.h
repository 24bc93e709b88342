#pragma once
// Nodes that compute sizes, planned before any is made.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/expr.h"
#include "ir/graph.h"

namespace pot {

/// A size of a value: where it is first found.
struct SizeSource {
  ValueId value;
  std::size_t axis = 0;
  std::ptrdiff_t made_at = -1;  ///< place of the node that makes it; -1: an input of the graph
};

/// Sizes of values as sources of expressions.
class SizeSources {
 public:
  void add(ValueId value, const std::vector<Expr>& dims, std::ptrdiff_t made_at);

  struct Run {
    SizeSource from;
    std::size_t length = 0;
  };
  /// The longest run of axes of one value, made before place `before`, that has these sizes from
  /// `at` on. Nothing when not even the first is a size of something.
  [[nodiscard]] std::optional<Run> longest(const std::vector<Expr>& sizes, std::size_t at,
                                           std::ptrdiff_t before) const;

  /// A size that is `size` but for a whole number, and that number: size = there + number.
  struct Near {
    Run there;
    std::int64_t number = 0;
  };
  [[nodiscard]] std::optional<Near> near(const Expr& size, std::ptrdiff_t before) const;

 private:
  std::unordered_map<Expr, std::vector<SizeSource>> places_;
  std::unordered_map<Expr, std::vector<Expr>> near_;  ///< without its constant -> sizes
  std::unordered_map<ValueId, std::vector<Expr>> dims_;
};

class SizePlan {
 public:
  SizePlan(const SizeSources& sources, std::int64_t opset) : sources_(sources), opset_(opset) {}

  /// A value with these elements, as list or (one element) as scalar, for a reader at place
  /// `before`. Error-free: false when it cannot be made; then nothing was planned.
  [[nodiscard]] bool want(ValueId stands_for, const std::vector<Expr>& elements, bool scalar,
                          bool narrow, std::ptrdiff_t before);
  [[nodiscard]] std::size_t node_count() const noexcept { return steps_.size(); }

  /// Makes the nodes, each before the node at its place in `order`. Returns old value -> new.
  [[nodiscard]] std::vector<std::pair<ValueId, ValueId>> make(
      Graph& graph, const std::vector<NodeId>& order) const;

 private:
  /// A value that is planned (a step), there (a value of the graph) or a constant.
  struct Ref {
    enum class Kind { step, value, constant } kind = Kind::step;
    std::size_t step = 0;
    ValueId value{};
    std::vector<std::int64_t> numbers{};
    bool scalar = false;
  };
  struct Step {
    std::string op_type;
    std::vector<Ref> inputs;
    std::vector<std::pair<std::string, std::int64_t>> attributes;
    std::ptrdiff_t before = 0;
  };
  using Maybe = std::optional<Ref>;

  [[nodiscard]] Maybe one(const Expr& element, std::ptrdiff_t before);
  [[nodiscard]] Maybe list(const std::vector<Expr>& elements, std::ptrdiff_t before);
  [[nodiscard]] Ref part(const SizeSources::Run& run, bool scalar, std::ptrdiff_t before);
  [[nodiscard]] Maybe single(const Expr& size, std::ptrdiff_t before);
  [[nodiscard]] Maybe computed(const Expr& size, std::ptrdiff_t before);
  [[nodiscard]] Maybe atom(const Expr& atom, std::ptrdiff_t before);
  [[nodiscard]] Ref step(std::string op_type, std::vector<Ref> inputs,
                         std::vector<std::pair<std::string, std::int64_t>> attributes,
                         std::ptrdiff_t before);

  void make_before(std::size_t index, std::ptrdiff_t place);

  /// A Shape that is planned: of which axes of which value.
  struct Shape {
    ValueId of;
    std::size_t start = 0;
    std::size_t end = 0;
    std::size_t step = 0;
  };

  const SizeSources& sources_;
  std::int64_t opset_;
  std::vector<Shape> shapes_;
  std::vector<Step> steps_;
  std::map<std::string, std::size_t> made_;  ///< text of a step -> its index
  std::vector<std::pair<ValueId, Ref>> wanted_;
};

}  // namespace pot
