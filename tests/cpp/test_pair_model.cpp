// What the layout solver is made of, each part against trying every choice.

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "check.h"
#include "passes/solver/dual_bound.h"
#include "passes/solver/elimination.h"
#include "passes/solver/elimination_order.h"
#include "passes/solver/min_cut.h"
#include "passes/solver/pair_cut.h"
#include "passes/solver/pair_model.h"
#include "passes/solver/pair_reduction.h"

namespace {

using pot::FlowNetwork;
using pot::PairModel;
using pot::Weight;

using Modes = std::vector<std::size_t>;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  /// Few values, so that there are ties.
  Weight weight() {
    return {static_cast<std::int64_t>(below(5)), static_cast<std::int64_t>(below(4))};
  }

 private:
  std::mt19937_64 engine_;
};

PairModel random_model(std::size_t variables, std::size_t modes, std::size_t pairs,
                       Random& random) {
  PairModel model;
  for (std::size_t i = 0; i < variables; ++i) {
    std::vector<Weight> costs(1 + random.below(modes));
    for (Weight& cost : costs) cost = random.weight();
    model.add_variable(std::move(costs));
  }
  model.add_fixed(random.weight());
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t a = random.below(variables);
    const std::size_t b = random.below(variables);
    if (a != b) model.add_pair(a, b, [&](std::size_t, std::size_t) { return random.weight(); });
  }
  return model;
}

Modes all_of(const PairModel& model) {
  Modes all(model.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

/// Every choice of modes that are in question for these variables; the others keep theirs.
void for_each_choice(const PairModel& model, const Modes& variables, Modes modes,
                     const std::function<void(const Modes&)>& visit, std::size_t from = 0) {
  if (from == variables.size()) return visit(modes);
  for (const std::size_t mode : model.modes(variables[from])) {
    modes[variables[from]] = mode;
    for_each_choice(model, variables, modes, visit, from + 1);
  }
}

Weight least(const PairModel& model, const Modes& variables) {
  Weight best{1 << 20, 0};
  for_each_choice(model, variables, Modes(model.size()), [&](const Modes& modes) {
    best = std::min(best, cost_within(model, variables, modes));
  });
  return best;
}

TEST(a_minimum_cut_is_the_least_of_all_cuts) {
  Random random(1);
  for (int run = 0; run < 500; ++run) {
    const std::size_t nodes = 2 + random.below(6);
    struct Edge {
      std::size_t from, to;
      Weight capacity;
    };
    std::vector<Edge> edges;
    FlowNetwork network(nodes - 1);
    network.add_node();
    for (std::size_t i = random.below(16); i > 0; --i) {
      edges.push_back({random.below(nodes), random.below(nodes), random.weight()});
      network.add_edge(edges.back().from, edges.back().to, edges.back().capacity);
    }
    const auto cut = [&](const std::vector<bool>& side) {
      Weight sum;
      for (const Edge& edge : edges) {
        if (side[edge.from] && !side[edge.to]) sum += edge.capacity;
      }
      return sum;
    };
    Weight best{1 << 20, 0};
    std::size_t smallest = nodes;
    for (std::size_t bits = 0; bits < std::size_t{1} << nodes; ++bits) {
      std::vector<bool> side;
      for (std::size_t i = 0; i < nodes; ++i) side.push_back((bits >> i & 1U) != 0);
      if (!side[0] || side[1]) continue;
      const auto size = static_cast<std::size_t>(std::ranges::count(side, true));
      if (cut(side) < best) smallest = nodes;
      best = std::min(best, cut(side));
      if (cut(side) == best) smallest = std::min(smallest, size);
    }
    const std::vector<bool> side = network.source_side(0, 1);
    CHECK(side[0] && !side[1]);
    CHECK(cut(side) == best);
    CHECK_EQ(static_cast<std::size_t>(std::ranges::count(side, true)), smallest);
  }
}

TEST(a_chain_as_deep_as_a_graph_can_be_is_cut) {
  constexpr std::size_t kNodes = 200000;
  FlowNetwork network(kNodes);
  for (std::size_t i = 0; i + 1 < kNodes; ++i) {
    network.add_edge(i, i + 1, {i == kNodes / 2 ? 1 : 2, 0});
  }
  const std::vector<bool> side = network.source_side(0, kNodes - 1);
  CHECK(side[kNodes / 2] && !side[kNodes / 2 + 1]);
}

TEST(two_modes_are_cut_where_a_colouring_fits) {
  Random random(2);
  int fits = 0;
  for (int run = 0; run < 1500; ++run) {
    PairModel model = random_model(1 + random.below(7), 2, random.below(16), random);
    const Modes all = all_of(model);
    std::vector<pot::TwoModes> choices;
    for (const std::size_t i : all) {
      choices.push_back({model.modes(i).front(), model.modes(i).back()});
    }
    const Weight first = cost_within(model, all, Modes(all.size()));
    const Weight better = cost_within(model, all, better_of_two(model, all, choices));
    CHECK(better <= first);
    const auto best = best_of_two(model, all, choices);
    if (!best) continue;
    ++fits;
    CHECK(cost_within(model, all, *best) == least(model, all));
    CHECK(better == least(model, all));
  }
  CHECK(fits > 500);
  CHECK(fits < 1480);
}

TEST(elimination_finds_the_least) {
  Random random(3);
  for (int run = 0; run < 1000; ++run) {
    const PairModel model = random_model(1 + random.below(6), 4, random.below(12), random);
    for (const Modes& component : model.components(all_of(model))) {
      const auto order = elimination_order(model, component, 1 << 20, 1 << 20);
      CHECK(order.has_value());
      Modes modes(model.size());
      const Modes chosen = eliminate(model, component, order->places);
      for (std::size_t i = 0; i < component.size(); ++i) modes[component[i]] = chosen[i];
      CHECK(cost_within(model, component, modes) == least(model, component));
    }
  }
}

TEST(tables_that_would_be_too_large_are_not_begun) {
  Random random(4);
  const PairModel model = random_model(30, 1, 0, random);
  CHECK(elimination_order(model, all_of(model), 1, 30).has_value());
  CHECK(!elimination_order(model, all_of(model), 1, 29).has_value());
}

TEST(what_is_decided_without_search_is_part_of_a_best_choice) {
  Random random(5);
  int left = 0;
  for (int run = 0; run < 1500; ++run) {
    const PairModel before = random_model(1 + random.below(6), 4, random.below(14), random);
    const Modes all = all_of(before);
    PairModel model = before;
    pot::PairReduction reduction(model);
    reduction.drop_dominated();
    if (random.below(2) == 0) reduction.take_out(all);
    const Modes open = reduction.open();
    left += open.empty() ? 0 : 1;
    Weight best{1 << 20, 0};
    Modes chosen;
    for_each_choice(model, open, Modes(model.size()), [&](const Modes& modes) {
      const Weight cost = cost_within(model, open, modes);
      if (cost < best) chosen = modes;
      best = std::min(best, cost);
    });
    reduction.complete(chosen);
    CHECK(cost_within(before, all, chosen) == least(before, all));
    CHECK(best + reduction.fixed() == least(before, all) + before.fixed());
  }
  CHECK(left > 100);
}

TEST(a_bound_is_below_every_choice_and_slack_is_what_a_mode_adds) {
  Random random(6);
  int tight = 0;
  for (int run = 0; run < 1000; ++run) {
    const PairModel model = random_model(1 + random.below(5), 4, random.below(12), random);
    const Modes all = all_of(model);
    const pot::DualBound dual = dual_bound(model, all, 1 << 16);
    for_each_choice(model, all, Modes(all.size()), [&](const Modes& modes) {
      const Weight cost = cost_within(model, all, modes);
      for (const std::size_t i : all) CHECK(dual.bound + dual.slack[i][modes[i]] <= cost);
    });
    CHECK(dual.bound <= least(model, all));
    tight += cost_within(model, all, dual.modes) == dual.bound ? 1 : 0;
  }
  CHECK(tight > 500);
}

}  // namespace
