// Loop: how many turns it makes, and what it carries through them.

#include <algorithm>

#include "ops/control_flow.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Turns that are run one by one to learn what they carry, and nodes that are visited for it.
constexpr std::int64_t kMostTurns = 64;
constexpr std::int64_t kMostVisits = 1 << 14;

const Graph* body_of(const Node& node) {
  const Attribute* found = node.attribute("body");
  const GraphPtr* body = found ? found->get<GraphPtr>() : nullptr;
  return body ? body->get() : nullptr;
}

/// Nodes that one run of a body visits; loops inside run turn by turn too.
std::int64_t visits(const Graph& body) {
  std::int64_t sum = 1;
  for (const NodeId id : body.nodes()) {
    const Node& node = body.node(id);
    const std::int64_t turns = node.is("Loop") ? kMostTurns : 1;
    sum += 1;
    if (!node.has_bodies()) continue;
    for (const GraphPtr& inner : node.bodies()) sum += turns * visits(*inner);
    if (sum > kMostVisits) return kMostVisits + 1;
  }
  return sum;
}

class Loop {
 public:
  explicit Loop(const NodeFacts& at) : at_(at) {
    start_ = at.has(1) ? known_truth(at.in(1)) : true;
    if (!at.has(0)) return;
    limited_ = true;
    const Elements trips = elements_of(at.in(0));
    if (trips && trips->size() == 1) limit_ = trips->front();
  }

  [[nodiscard]] std::optional<bool> start() const { return start_; }
  /// Nothing: no limit, or one that is not known.
  [[nodiscard]] const std::optional<Expr>& limit() const { return limit_; }
  [[nodiscard]] bool limit_unknown() const { return limited_ && !limit_; }
  [[nodiscard]] std::vector<Fact> initial() const {
    const auto inputs = at_.inputs();
    return inputs.size() < 2 ? std::vector<Fact>{}
                             : std::vector<Fact>(inputs.begin() + 2, inputs.end());
  }
  [[nodiscard]] bool never_runs() const {
    const auto most = limit_ ? limit_->at_most() : std::nullopt;
    return start_ == false || (most && *most <= 0);
  }
  [[nodiscard]] bool surely_runs() const {
    const auto least = limit_ ? limit_->at_least() : std::nullopt;
    return start_ == true && (limited_ ? least && *least >= 1 : true);
  }

  /// Whenever a turn is made, the condition before it held.
  [[nodiscard]] Inferred turn(const Expr& number, std::span<const Fact> carried) const {
    const Graph* body = body_of(at_.node());
    if (!body) return std::vector<Fact>{};
    std::vector<Fact> inputs{tensor_fact(DType::int64, turn_number_dims(*body), {number}),
                             tensor_fact(DType::boolean, std::vector<std::int64_t>{}, {Expr(1)})};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    return at_.infer_body("body", inputs);
  }

 private:
  const NodeFacts& at_;
  std::optional<bool> start_;
  bool limited_ = false;
  std::optional<Expr> limit_;
};

/// How often the body runs when the condition that it makes is, in any turn, `goes_on`.
Expr trip_count(const NodeFacts& at, const Loop& loop, std::optional<bool> goes_on) {
  if (loop.never_runs()) return 0;
  if (loop.start() == true && goes_on && !loop.limit_unknown()) {
    if (!loop.limit() && !*goes_on) return 1;
    if (loop.limit()) {
      const Expr turns = max(*loop.limit(), 0);
      return *goes_on ? turns : min(turns, 1);
    }
  }
  return at.unknown_size("its trip count is known only at run time");
}

/// Whether running the turns one by one tells more than what holds in all of them.
bool pays(const Loop& loop, const EveryTurn& every, std::optional<bool> goes_on,
          std::int64_t most) {
  if (loop.start() != true || loop.limit_unknown() || (!every.changes && goes_on)) return false;
  const auto limit = loop.limit() ? loop.limit()->number() : std::nullopt;
  if (goes_on == true && (!limit || *limit > most)) return false;
  return most > 0;
}

/// Elements of all items in a row, where each item's are known.
void add_elements(Fact& stack, const std::vector<std::vector<Fact>>& turns, std::size_t slot) {
  auto all = std::make_shared<std::vector<Expr>>();
  for (const auto& outputs : turns) {
    const Elements elements = elements_of(outputs[slot]);
    if (!elements || all->size() + elements->size() > kMostElements) return;
    all->insert(all->end(), elements->begin(), elements->end());
  }
  if (stack.numbers()) stack.elements = std::move(all);
}

std::vector<Fact> outputs_of(const NodeFacts& at, const LoopTurns& run, std::size_t carried) {
  std::vector<Fact> out(run.outputs.back().begin() + 1,
                        run.outputs.back().begin() + 1 + static_cast<std::ptrdiff_t>(carried));
  const auto turns = static_cast<std::int64_t>(run.outputs.size());
  for (std::size_t slot = 1 + carried; slot < run.outputs.back().size(); ++slot) {
    Fact item = run.outputs.front()[slot];
    for (const auto& outputs : run.outputs) {
      item = join(item, outputs[slot], at.label() + ": its turns differ in size");
    }
    out.push_back(stacked(item, turns, 0));
    add_elements(out.back(), run.outputs, slot);
  }
  return out;
}

std::vector<Fact> outputs_of(const NodeFacts& at, const Loop& loop, const EveryTurn& every,
                             const Expr& turns) {
  const std::vector<Fact> initial = loop.initial();
  std::vector<Fact> out;
  for (std::size_t i = 0; i < initial.size(); ++i) {
    const Fact& made = every.outputs[1 + i];
    if (loop.never_runs()) {
      out.push_back(initial[i]);
    } else if (loop.surely_runs()) {
      out.push_back(made);
    } else {
      out.push_back(join(initial[i], made, at.label() + ": it may run or not"));
    }
  }
  for (std::size_t slot = 1 + initial.size(); slot < every.outputs.size(); ++slot) {
    out.push_back(stacked(every.outputs[slot], turns, 0));
  }
  return out;
}

Inferred infer_loop(const NodeFacts& at) {
  const Graph* body = body_of(at.node());
  if (!body) return std::vector<Fact>{};
  const Loop loop(at);
  const Expr any = Expr::fresh_size(at.label() + ": the number of its turn");
  const auto in_any_turn = [&](std::span<const Fact> carried) { return loop.turn(any, carried); };
  const auto every = every_turn(at, loop.initial(), 1, in_any_turn);
  if (!every) {
    if (loop.surely_runs()) return every.error();
    return loop.initial();  // it can only be that the body does not run
  }
  const auto goes_on = known_truth(every.value().outputs.front());
  const std::int64_t most = std::min(kMostTurns, kMostVisits / visits(*body));
  const bool alone = !loop.never_runs() && !is_deep(at.graph());
  if (alone && pays(loop, every.value(), goes_on, most)) {
    const auto run = loop_turns(at, most);
    (void)in_any_turn(every.value().carried);  // facts that stay with the body hold in every turn
    if (!run) return run.error();
    if (run.value().ended && !run.value().outputs.empty()) {
      return outputs_of(at, run.value(), loop.initial().size());
    }
  }
  return outputs_of(at, loop, every.value(), trip_count(at, loop, goes_on));
}

}  // namespace

std::vector<std::int64_t> turn_number_dims(const Graph& body) {
  if (body.inputs().empty()) return {};
  const TypeRef type = body.inputs().front().type;
  const bool vector = type && type->is_tensor() && type->shape && type->shape->rank() == 1;
  return vector ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{};
}

Result<LoopTurns> loop_turns(const NodeFacts& at, std::int64_t most) {
  const Loop loop(at);
  LoopTurns run;
  const auto stop = [&](std::string why) {
    run.why_not = std::move(why);
    return run;
  };
  const auto limit = loop.limit() ? loop.limit()->number() : std::nullopt;
  if (!loop.start()) return stop("whether it starts is known only at run time");
  run.ended = loop.never_runs();
  std::vector<Fact> carried = loop.initial();
  for (std::int64_t turn = 0; !run.ended; ++turn) {
    if (turn == most) {
      run.too_many = true;
      return stop("it makes more than " + std::to_string(most) + " turns");
    }
    Inferred made = loop.turn(turn, carried);
    if (!made) return made.error();
    if (made.value().size() < 1 + carried.size()) return stop("its body has too few outputs");
    run.outputs.push_back(std::move(made.value()));
    const auto goes_on = known_truth(run.outputs.back().front());
    run.ended = goes_on == false || (limit && turn + 1 >= *limit);
    const std::string number = std::to_string(turn + 1);
    if (!run.ended && !goes_on) {
      return stop("whether it goes on after turn " + number + " is known only at run time");
    }
    if (!run.ended && !limit && (loop.limit() || loop.limit_unknown())) {
      const bool named = loop.limit() && loop.limit()->writable();
      return stop(named ? "its trip count is " + loop.limit()->text() + ", which is not bound"
                        : "its trip count is known only at run time");
    }
    carried.assign(run.outputs.back().begin() + 1,
                   run.outputs.back().begin() + 1 + static_cast<std::ptrdiff_t>(carried.size()));
  }
  return run;
}

void register_loop(OpTable& table) { table.add("Loop", {.shape = infer_loop}); }

}  // namespace pot
