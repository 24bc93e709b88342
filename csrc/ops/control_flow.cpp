// If, and what Loop, Scan and SequenceMap share: bodies that run with other values each time.

#include "ops/control_flow.h"

#include <algorithm>

#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Rounds after which only types are kept. Each round loses something, so few need more than three.
constexpr std::size_t kMostRounds = 24;
/// Rounds of a body multiply with those of the bodies around it: deeper than this there is one.
constexpr std::size_t kDeepest = 3;

/// What is true of a value before and after a turn. A size that was once lost stays the same
/// unknown, so that the rounds come to an end.
class Widening {
 public:
  explicit Widening(std::string reason) : reason_(std::move(reason)) {}

  Fact widen(const Fact& held, const Fact& next) {
    if (held.kind != next.kind) return {};
    if (held.is_tensor()) return tensor(held, next);
    if (held.kind == Fact::Kind::sequence || held.kind == Fact::Kind::optional) {
      return container(held, next);
    }
    return held;
  }

 private:
  Expr dim(const Expr& held, const Expr& next) {
    if (held == next || std::ranges::count(lost_, held) != 0) return held;
    return lost_.emplace_back(Expr::fresh_size(reason_));
  }

  Expr element(const Expr& held, const Expr& next) {
    if (held == next || std::ranges::count(lost_, held) != 0) return held;
    return lost_.emplace_back(Expr::fresh_value(reason_));
  }

  Fact tensor(const Fact& held, const Fact& next) {
    Fact out = tensor_fact(held.dtype == next.dtype ? held.dtype : DType::undefined);
    if (!held.dims || !next.dims || held.rank() != next.rank()) return out;
    out.dims.emplace();
    for (std::size_t i = 0; i < held.rank(); ++i) {
      out.dims->push_back(dim((*held.dims)[i], (*next.dims)[i]));
    }
    if (held.constant && held.constant == next.constant) {
      out.constant = held.constant;
      return out;
    }
    const Elements ours = elements_of(held);
    const Elements theirs = elements_of(next);
    if (!ours || !theirs || ours->size() != theirs->size() || !out.numbers()) return out;
    auto elements = std::make_shared<std::vector<Expr>>();
    for (std::size_t i = 0; i < ours->size(); ++i) {
      elements->push_back(element((*ours)[i], (*theirs)[i]));
    }
    out.elements = std::move(elements);
    return out;
  }

  std::shared_ptr<const Fact> inner(const Fact& held, const Fact& next) {
    if (held.items && held.items->empty() && next.inner) return next.inner;
    if (next.items && next.items->empty()) return held.inner;
    if (!held.inner || !next.inner) return nullptr;
    return std::make_shared<const Fact>(widen(*held.inner, *next.inner));
  }

  Fact container(const Fact& held, const Fact& next) {
    Fact out;
    out.kind = held.kind;
    out.inner = inner(held, next);
    if (!held.items || !next.items || held.items->size() != next.items->size()) return out;
    std::vector<Fact> items;
    for (std::size_t i = 0; i < held.items->size(); ++i) {
      items.push_back(widen((*held.items)[i], (*next.items)[i]));
    }
    out.items = std::make_shared<const std::vector<Fact>>(std::move(items));
    return out;
  }

  std::string reason_;
  std::vector<Expr> lost_;
};

/// The type alone.
Fact only_type(const Fact& fact) {
  if (fact.is_tensor()) return tensor_fact(fact.dtype);
  Fact out = fact;
  out.items = nullptr;
  if (fact.inner) out.inner = std::make_shared<const Fact>(only_type(*fact.inner));
  return out;
}

Inferred infer_if(const NodeFacts& at) {
  const auto condition = known_truth(at.in(0));
  if (condition) return at.infer_body(*condition ? "then_branch" : "else_branch", {});
  Inferred taken = at.infer_body("then_branch", {});
  Inferred other = at.infer_body("else_branch", {});
  // A branch that contradicts itself at these sizes cannot be the one that runs.
  if (!taken) return other;
  if (!other) return taken;
  std::vector<Fact> out;
  const std::string reason = at.label() + ": its branches differ in size";
  const std::size_t count = std::min(taken.value().size(), other.value().size());
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(join(taken.value()[i], other.value()[i], reason));
  }
  return out;
}

}  // namespace

Result<EveryTurn> every_turn(const NodeFacts& at, std::vector<Fact> initial, std::size_t first,
                             const Turn& turn) {
  EveryTurn every{.carried = std::move(initial), .outputs = {}};
  const bool deep = is_deep(at.graph());
  if (deep) {
    std::ranges::transform(every.carried, every.carried.begin(), only_type);
    every.changes = true;
  }
  Widening widening(at.label() + ": it changes from turn to turn");
  for (std::size_t round = 0;; ++round) {
    Inferred made = turn(every.carried);
    if (!made) return made.error();
    every.outputs = std::move(made.value());
    every.outputs.resize(std::max(every.outputs.size(), first + every.carried.size()));
    if (deep || round > kMostRounds) return every;
    bool same = true;
    for (std::size_t i = 0; i < every.carried.size(); ++i) {
      Fact& held = every.carried[i];
      Fact wider = widening.widen(held, every.outputs[first + i]);
      if (round == kMostRounds) wider = only_type(wider);
      same = same && same_fact(wider, held);
      held = std::move(wider);
    }
    if (same) return every;
    every.changes = true;
  }
}

bool is_deep(const Graph& graph) {
  std::size_t depth = 0;
  for (const Graph* around = graph.parent(); around; around = around->parent()) ++depth;
  return depth > kDeepest;
}

std::optional<bool> known_truth(const Fact& fact) {
  const auto numbers = numbers_of(fact);
  if (!numbers || numbers->size() != 1) return std::nullopt;
  return numbers->front() != 0;
}

Fact stacked(const Fact& item, const Expr& count, std::size_t axis) {
  if (!item.is_tensor()) return {};
  if (!item.has_rank() || axis > item.rank()) return tensor_fact(item.dtype);
  Dims dims = *item.dims;
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), count);
  return tensor_fact(item.dtype, std::move(dims));
}

void register_control_flow(OpTable& table) { table.add("If", {.shape = infer_if}); }

}  // namespace pot
