#include "passes/solver/elimination_order.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

namespace pot {
namespace {

/// Pairs that taking out a variable would bring are only counted up to here: it comes last anyway.
constexpr std::size_t kMostAround = 40;
constexpr double kHopeless = 1e6;

class GreedyOrder {
 public:
  GreedyOrder(const PairModel& model, std::span<const std::size_t> variables, bool by_fill)
      : by_fill_(by_fill), around_(variables.size()), score_(variables.size()) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      logs_.push_back(std::log2(static_cast<double>(model.modes(variables[i]).size())));
      for (const auto& [next, table] : model.neighbours(variables[i])) {
        const auto at = std::ranges::lower_bound(variables, next) - variables.begin();
        around_[i].insert(static_cast<std::size_t>(at));
      }
    }
  }

  std::optional<EliminationOrder> run(double most_in_table, double most_in_all) {
    for (std::size_t i = 0; i < around_.size(); ++i) {
      score_[i] = score(i);
      open_.insert({score_[i], i});
    }
    EliminationOrder order;
    while (!open_.empty()) {
      const std::size_t next = open_.begin()->second;
      open_.erase(open_.begin());
      const double entries = std::exp2(log_size(next));
      order.places.push_back(next);
      order.entries += entries;
      if (entries > most_in_table || order.entries > most_in_all) return std::nullopt;
      take_out(next);
    }
    return order;
  }

 private:
  [[nodiscard]] double log_size(std::size_t i) const {
    double sum = logs_[i];
    for (const std::size_t next : around_[i]) sum += logs_[next];
    return sum;
  }

  [[nodiscard]] double score(std::size_t i) const {
    if (!by_fill_) return log_size(i);
    if (around_[i].size() > kMostAround) return kHopeless + log_size(i);
    double fill = 0;
    for (auto a = around_[i].begin(); a != around_[i].end(); ++a) {
      for (auto b = std::next(a); b != around_[i].end(); ++b) {
        if (!around_[*a].contains(*b)) fill += logs_[*a] * logs_[*b];
      }
    }
    return fill;
  }

  void take_out(std::size_t variable) {
    const std::set<std::size_t> neighbours = std::move(around_[variable]);
    for (const std::size_t a : neighbours) {
      around_[a].erase(variable);
      around_[a].insert(neighbours.begin(), neighbours.end());
      around_[a].erase(a);
    }
    for (const std::size_t a : neighbours) {
      open_.erase({score_[a], a});
      score_[a] = score(a);
      open_.insert({score_[a], a});
    }
  }

  bool by_fill_;
  std::vector<std::set<std::size_t>> around_;
  std::vector<double> logs_;
  std::vector<double> score_;
  std::set<std::pair<double, std::size_t>> open_;
};

}  // namespace

std::optional<EliminationOrder> elimination_order(const PairModel& model,
                                                  std::span<const std::size_t> variables,
                                                  double most_in_table, double most_in_all) {
  auto by_size = GreedyOrder(model, variables, false).run(most_in_table, most_in_all);
  auto by_fill = GreedyOrder(model, variables, true).run(most_in_table, most_in_all);
  if (!by_size || (by_fill && by_fill->entries <= by_size->entries)) return by_fill;
  return by_size;
}

}  // namespace pot
