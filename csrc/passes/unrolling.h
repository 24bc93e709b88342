#pragma once
// What unrolling a Loop and unrolling a Scan have in common.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/model.h"
#include "ops/shared/fact.h"
#include "passes/body_copy.h"
#include "passes/changes.h"

namespace pot {

/// Bounds on what one run of a pass makes.
class UnrollBudget {
 public:
  explicit UnrollBudget(std::int64_t turns);

  [[nodiscard]] std::int64_t turns() const noexcept { return turns_; }
  /// What is said of a node that makes more turns than that.
  [[nodiscard]] std::string exceeded() const;
  /// Takes the nodes of so many copies of the body, or says why that is too much ("" when not).
  [[nodiscard]] std::string take(std::int64_t turns, const Graph& body);

 private:
  std::int64_t turns_;
  std::int64_t nodes_;
};

/// The node that is being replaced, and the nodes that it takes beside its body.
class Unrolling {
 public:
  Unrolling(Graph& graph, NodeId owner, TakenNames& taken, Changes& changes);

  /// Outputs of the node, as they were before it gave them up.
  [[nodiscard]] const std::vector<ValueId>& outputs() const noexcept { return outputs_; }
  /// Output `slot` is read by someone.
  [[nodiscard]] bool wanted(std::size_t slot) const;
  /// The name of output `slot`; "" for one that is not there.
  [[nodiscard]] std::string output_name(std::size_t slot) const;

  /// The node gives up its outputs, so that others can make them.
  void begin();
  /// A constant of int64; the same one for the same number and dims.
  [[nodiscard]] std::string number(std::int64_t number, std::vector<std::int64_t> dims);
  [[nodiscard]] std::string truth();
  /// Element `index` of an axis of `source`.
  [[nodiscard]] std::string element(const std::string& source, std::int64_t index,
                                    std::int64_t axis);
  void element(const std::string& source, std::int64_t index, std::int64_t axis,
               const std::string& output);
  /// Parts of `source` of these lengths.
  void split(const std::string& source, const std::vector<std::int64_t>& lengths, std::int64_t axis,
             const std::vector<std::string>& outputs);
  /// Output `slot` is what `source` is.
  void hand_on(std::size_t slot, const std::string& source);
  /// Output `slot` is the items, stacked on a new axis. Pre: there is at least one.
  void stack(std::size_t slot, const std::vector<std::string>& items, std::int64_t axis);
  /// Output `slot` is the items, one behind the other on an axis. Pre: there is at least one.
  void join(std::size_t slot, const std::vector<std::string>& items, std::int64_t axis);
  /// Output `slot` is the sequence of the items. Pre: there is at least one.
  void sequence(std::size_t slot, const std::vector<std::string>& items);
  /// Output `slot` has no elements.
  void nothing(std::size_t slot, DType dtype, std::vector<std::int64_t> dims);
  /// The node goes.
  void end();

 private:
  std::string constant(const std::string& key, DType dtype, std::vector<std::int64_t> dims,
                       ByteView elements);
  NodeId add(const char* op_type, const std::vector<std::string>& inputs,
             const std::vector<std::string>& outputs, std::optional<std::int64_t> axis);
  [[nodiscard]] std::string numbers(const std::string& key,
                                    const std::vector<std::int64_t>& numbers);

  Graph& graph_;
  NodeId owner_;
  TakenNames& taken_;
  Changes& changes_;
  std::string label_;
  std::vector<ValueId> outputs_;
  std::vector<bool> wanted_;
  RenameMap constants_;  // what it is -> its name
};

}  // namespace pot
