#pragma once
// What bodies that run again and again make, turn by turn or in any turn.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ops/shared/shape_rule.h"

namespace pot {

/// What holds whatever the turn.
struct EveryTurn {
  std::vector<Fact> carried;  ///< what the body is given
  std::vector<Fact> outputs;  ///< what it makes of that
  bool changes = false;       ///< a carried value is not the same in every turn
};

/// One turn of a body: facts of the values that are carried, to facts of all its outputs.
using Turn = std::function<Inferred(std::span<const Fact> carried)>;

/// The facts that are true of every turn, found by running the body until nothing is lost any more.
/// Its last run is the one with these facts. `first` is the place of the first carried value
/// among the outputs. Error: the sizes contradict each other already in the first turn.
[[nodiscard]] Result<EveryTurn> every_turn(const NodeFacts& at, std::vector<Fact> initial,
                                           std::size_t first, const Turn& turn);

/// So many bodies are around it that its own are run once, by their types alone.
[[nodiscard]] bool is_deep(const Graph& graph);

/// The turns of a Loop, each with what is known of its inputs.
struct LoopTurns {
  std::vector<std::vector<Fact>> outputs;  ///< of the body, for each turn that was run
  bool ended = false;                      ///< these are all turns that there are
  bool too_many = false;                   ///< it goes on after as many as were allowed
  std::string why_not;                     ///< when it has not ended
};

/// Runs at most `most` turns of a Loop. It ends where the trip count or the condition says so; it
/// stops where that is not known.
[[nodiscard]] Result<LoopTurns> loop_turns(const NodeFacts& at, std::int64_t most);

/// How the runtime gives a Loop's body the number of its turn: a scalar, or a tensor of one element
/// where the body declares one dimension.
[[nodiscard]] std::vector<std::int64_t> turn_number_dims(const Graph& body);

/// A known scalar truth, or nothing.
[[nodiscard]] std::optional<bool> known_truth(const Fact& fact);

/// `item` once for each of `count` turns, stacked on a new axis.
[[nodiscard]] Fact stacked(const Fact& item, const Expr& count, std::size_t axis);

}  // namespace pot
