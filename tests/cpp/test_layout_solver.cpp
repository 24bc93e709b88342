// solve_layout against trying every choice, over thousands of small random problems; and on large
// ones whose best choice is known.

#include <algorithm>
#include <limits>
#include <random>
#include <sstream>
#include <vector>

#include "check.h"
#include "passes/solver/layout_problem.h"
#include "reference/slow_layout.h"

namespace {

using pot::LayoutCost;
using pot::LayoutProblem;
using pot::LayoutSolution;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// 0 .. bound - 1. Not a distribution of the library: those differ between libraries.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  bool chance(std::size_t percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

struct Kind {
  std::size_t places;
  std::size_t modes;   ///< at most, of a place
  std::size_t labels;  ///< at most, of a family
  std::size_t families;
  std::size_t readers;
};

LayoutProblem::Port random_port(const LayoutProblem& problem, std::size_t place, std::size_t labels,
                                bool makes, Random& random) {
  LayoutProblem::Port port{place, makes, {}};
  for (std::size_t i = 0; i < problem.places[place].mode_cost.size(); ++i) {
    port.label.push_back(random.below(labels));
  }
  return port;
}

LayoutProblem random_problem(const Kind& kind, Random& random) {
  LayoutProblem problem;
  for (std::size_t i = 0; i < kind.places; ++i) {
    LayoutProblem::Place place{{0}};
    for (std::size_t more = random.below(kind.modes); more > 0; --more) {
      place.mode_cost.push_back(random.chance(20) ? static_cast<std::int64_t>(random.below(9)) : 0);
    }
    if (random.chance(10)) place.mode_cost[0] = static_cast<std::int64_t>(random.below(5));
    problem.places.push_back(place);
  }
  for (std::size_t i = 0; i < kind.families; ++i) {
    LayoutProblem::Family family;
    family.bytes = static_cast<std::int64_t>(random.below(6));
    family.constant = random.chance(5);
    const std::size_t labels = 1 + random.below(kind.labels);
    for (std::size_t label = 0; label < labels; ++label) {
      family.group.push_back(random.chance(75) ? label : random.below(labels));
    }
    if (!family.constant && random.chance(85)) {
      family.ports.push_back(random_port(problem, random.below(kind.places), labels, true, random));
    }
    for (std::size_t reader = random.below(kind.readers + 1); reader > 0; --reader) {
      family.ports.push_back(
          random_port(problem, random.below(kind.places), labels, false, random));
    }
    problem.families.push_back(family);
  }
  return problem;
}

std::string text(const LayoutCost& cost) {
  std::ostringstream out;
  out << cost.bytes << " bytes, " << cost.transposes << " transposes, " << cost.reshapes
      << " reshapes, " << cost.changes << " changes";
  return out.str();
}

void check_random(const Kind& kind, std::uint64_t seed, int count) {
  Random random(seed);
  for (int i = 0; i < count; ++i) {
    const LayoutProblem problem = random_problem(kind, random);
    const LayoutSolution solution = pot::solve_layout(problem);
    CHECK_EQ(text(solution.cost), text(pot::reference::least_cost(problem)));
    CHECK_EQ(text(solution.cost), text(pot::cost_of(problem, solution.modes)));
    CHECK_EQ(solution.bound, solution.cost.bytes);
    CHECK(solution.method != "expansion moves");
  }
}

TEST(two_modes_two_labels) { check_random({8, 2, 2, 9, 3}, 1, 2000); }
TEST(two_modes_many_labels) { check_random({8, 2, 4, 9, 3}, 2, 2000); }
TEST(three_modes) { check_random({6, 3, 3, 8, 3}, 3, 2000); }
TEST(many_modes) { check_random({4, 6, 5, 8, 3}, 4, 1500); }
TEST(many_readers) { check_random({6, 3, 4, 3, 9}, 5, 1500); }
TEST(dense) { check_random({9, 2, 3, 30, 4}, 6, 1000); }
TEST(a_place_or_none) { check_random({1, 4, 3, 3, 3}, 7, 1000); }

/// Places in a row that read the one before them, some another one too, in one of `labels` layouts;
/// `fixed` of a hundred have no choice.
LayoutProblem random_graph(std::size_t places, std::size_t labels, std::size_t fixed,
                           std::uint64_t seed) {
  Random random(seed);
  LayoutProblem problem;
  for (std::size_t i = 0; i < places; ++i) {
    LayoutProblem::Port port{i, true, {random.below(labels)}};
    if (!random.chance(fixed)) {
      port.label.resize(labels);
      for (std::size_t label = 0; label < labels; ++label) port.label[label] = label;
    }
    problem.places.push_back({std::vector<std::int64_t>(port.label.size())});
    LayoutProblem::Family family;
    family.bytes = 1 + static_cast<std::int64_t>(random.below(100000));
    for (std::size_t label = 0; label < labels; ++label) family.group.push_back(label);
    family.ports.push_back(port);
    problem.families.push_back(family);
    port.makes = false;
    if (i > 0) problem.families[i - 1].ports.push_back(port);
    if (i > 1 && random.chance(50)) problem.families[random.below(i - 1)].ports.push_back(port);
  }
  return problem;
}

TEST(ten_thousand_places_of_two_layouts_are_cut_exactly) {
  const LayoutProblem problem = random_graph(10000, 2, 30, 8);
  const LayoutSolution solution = pot::solve_layout(problem);
  CHECK_EQ(solution.bound, solution.cost.bytes);
  CHECK_EQ(solution.method, "minimum cut");
  CHECK(solution.cost < pot::cost_of(problem, std::vector<std::size_t>(10000)));
}

TEST(places_that_can_agree_move_nothing) {
  for (const std::size_t labels : {2U, 5U}) {
    const LayoutSolution solution = pot::solve_layout(random_graph(3000, labels, 0, 9));
    CHECK_EQ(solution.cost.bytes, 0);
    CHECK_EQ(solution.bound, 0);
  }
}

TEST(a_tangle_of_four_layouts_is_bounded_and_always_the_same) {
  const LayoutProblem problem = random_graph(2000, 4, 10, 10);
  const LayoutSolution solution = pot::solve_layout(problem);
  CHECK_EQ(solution.method, "expansion moves");
  CHECK_EQ(text(solution.cost), text(pot::cost_of(problem, solution.modes)));
  CHECK(solution.bound < solution.cost.bytes);
  CHECK(solution.bound > solution.cost.bytes / 2);
  CHECK(solution.cost < pot::cost_of(problem, std::vector<std::size_t>(2000)));
  CHECK(pot::solve_layout(problem).modes == solution.modes);
}

TEST(the_choice_that_changes_least_is_taken_among_equals) {
  LayoutProblem problem;
  problem.places = {{{0}}, {{0, 0}}, {{0}}};
  problem.families.push_back({8, false, {0, 1}, {{0, true, {0}}, {1, false, {0, 1}}}});
  problem.families.push_back({8, false, {0, 1}, {{1, true, {0, 1}}, {2, false, {1}}}});
  const LayoutSolution solution = pot::solve_layout(problem);
  CHECK_EQ(text(solution.cost), "8 bytes, 1 transposes, 0 reshapes, 0 changes");
}

TEST(bytes_beyond_counting_do_not_wrap) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  LayoutProblem problem;
  problem.places = {{{0}}, {{0}}, {{0, kMost}}};
  for (int i = 0; i < 3; ++i) {
    problem.families.push_back({kMost, false, {0, 1}, {{0, true, {0}}, {1, false, {1}}}});
  }
  const LayoutSolution solution = pot::solve_layout(problem);
  CHECK_EQ(solution.cost.bytes, kMost);
  CHECK(solution.bound > 0);
  CHECK_EQ(solution.modes[2], 0U);
}

TEST(nothing_to_choose) {
  const LayoutSolution solution = pot::solve_layout({});
  CHECK(solution.modes.empty());
  CHECK_EQ(solution.cost.bytes, 0);
}

}  // namespace
