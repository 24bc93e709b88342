#include "passes/solver/pair_reduction.h"

#include <algorithm>
#include <optional>

namespace pot {
namespace {

/// Entries that are looked at to take one variable out.
constexpr std::size_t kMostEntries = std::size_t{1} << 15;
/// A variable of thousands of neighbours would be looked at again for each of them that changes,
/// and comparing many modes takes long.
int most_visits(std::size_t modes) {
  return static_cast<int>(std::clamp<std::size_t>(1024 / (modes * modes), 2, 64));
}

}  // namespace

PairReduction::PairReduction(PairModel& model)
    : model_(model),
      fixed_(model.fixed()),
      is_out_(model.size()),
      queued_(model.size()),
      visits_(model.size()) {}

void PairReduction::put_in_queue(std::size_t variable) {
  if (is_out_[variable] || queued_[variable]) return;
  queued_[variable] = true;
  queue_.push_back(variable);
}

void PairReduction::put_neighbours_in_queue(std::size_t variable) {
  for (const auto& [next, table] : model_.neighbours(variable)) put_in_queue(next);
}

bool PairReduction::dominates(std::size_t variable, std::size_t mode, std::size_t other) const {
  Weight more = model_.cost(variable, mode) - model_.cost(variable, other);
  for (const auto& [next, table] : model_.neighbours(variable)) {
    const auto pairs = model_.pairs(variable, next, table);
    std::optional<Weight> most;
    for (const std::size_t theirs : model_.modes(next)) {
      const Weight here = pairs(mode, theirs) - pairs(other, theirs);
      if (!most || here > *most) most = here;
    }
    more += *most;
  }
  return more <= Weight{};
}

bool PairReduction::drop_modes(std::size_t variable) {
  bool dropped = false;
  const std::vector<std::size_t> modes = model_.modes(variable);
  std::vector<std::size_t> kept = modes;
  for (const std::size_t mode : modes) {
    if (std::ranges::find(kept, mode) == kept.end()) continue;
    for (const std::size_t other : modes) {
      if (other == mode || std::ranges::find(kept, other) == kept.end()) continue;
      if (!dominates(variable, mode, other)) continue;
      model_.drop_mode(variable, other);
      std::erase(kept, other);
      dropped = true;
    }
  }
  return dropped;
}

void PairReduction::fix(std::size_t variable) {
  const std::size_t mode = model_.modes(variable).front();
  fixed_ += model_.cost(variable, mode);
  put_neighbours_in_queue(variable);
  for (const auto& [next, table] : model_.neighbours(variable)) {
    const auto pairs = model_.pairs(variable, next, table);
    for (const std::size_t theirs : model_.modes(next)) {
      model_.add(next, theirs, pairs(mode, theirs));
    }
  }
  model_.drop_pairs(variable);
  is_out_[variable] = true;
  out_.push_back({variable, {}, {mode}, 1});
}

bool PairReduction::small(std::size_t variable) const {
  const auto& neighbours = model_.neighbours(variable);
  if (neighbours.size() > 2) return false;
  std::size_t entries = model_.modes(variable).size();
  for (const auto& [next, table] : neighbours) entries *= model_.modes(next).size();
  return entries <= kMostEntries;
}

void PairReduction::take_out_one(std::size_t variable) {
  const auto neighbours = model_.neighbours(variable);
  Out out{variable, {}, {}, 1};
  for (const auto& [next, table] : neighbours) out.neighbours.push_back(next);
  const auto count = [&](std::size_t which) {
    return which < out.neighbours.size() ? model_.modes(out.neighbours[which]).back() + 1 : 1;
  };
  out.row = count(1);
  out.best.assign(count(0) * out.row, model_.modes(variable).front());
  std::vector<Weight> least(out.best.size());
  const auto cost = [&](std::size_t mode, std::size_t first, std::size_t second) {
    Weight sum = model_.cost(variable, mode);
    std::size_t which = 0;
    for (const auto& [next, table] : neighbours) {
      sum += model_.pairs(variable, next, table)(mode, which++ == 0 ? first : second);
    }
    return sum;
  };
  for (std::size_t first = 0; first < count(0); ++first) {
    for (std::size_t second = 0; second < out.row; ++second) {
      const std::size_t at = first * out.row + second;
      least[at] = cost(out.best[at], first, second);
      for (const std::size_t mode : model_.modes(variable)) {
        const Weight here = cost(mode, first, second);
        if (here < least[at]) {
          least[at] = here;
          out.best[at] = mode;
        }
      }
    }
  }
  put_neighbours_in_queue(variable);
  model_.drop_pairs(variable);
  if (out.neighbours.empty()) {
    fixed_ += least[0];
  } else if (out.neighbours.size() == 1) {
    for (const std::size_t mode : model_.modes(out.neighbours[0])) {
      model_.add(out.neighbours[0], mode, least[mode]);
    }
  } else {
    const std::size_t rows = count(0);
    model_.add_pair(out.neighbours[0], out.neighbours[1], [&](std::size_t i, std::size_t j) {
      return i < rows && j < out.row ? least[i * out.row + j] : Weight{};
    });
  }
  is_out_[variable] = true;
  out_.push_back(std::move(out));
}

void PairReduction::visit(std::size_t variable, bool eliminate) {
  if (visits_[variable]++ < most_visits(model_.modes(variable).size()) && drop_modes(variable)) {
    put_neighbours_in_queue(variable);
  }
  if (model_.modes(variable).size() == 1) {
    fix(variable);
  } else if (eliminate && small(variable)) {
    take_out_one(variable);
  }
}

void PairReduction::run(bool eliminate) {
  while (!queue_.empty()) {
    const std::size_t variable = queue_.front();
    queue_.pop_front();
    queued_[variable] = false;
    if (!is_out_[variable]) visit(variable, eliminate);
  }
}

void PairReduction::drop_dominated() {
  for (std::size_t variable = 0; variable < model_.size(); ++variable) put_in_queue(variable);
  run(false);
}

void PairReduction::take_out(const std::vector<std::size_t>& variables) {
  for (const std::size_t variable : variables) {
    visits_[variable] = 0;
    put_in_queue(variable);
  }
  run(true);
}

std::vector<std::size_t> PairReduction::open() const {
  std::vector<std::size_t> all;
  for (std::size_t variable = 0; variable < is_out_.size(); ++variable) {
    if (!is_out_[variable]) all.push_back(variable);
  }
  return all;
}

void PairReduction::complete(std::vector<std::size_t>& modes) const {
  for (std::size_t i = out_.size(); i-- > 0;) {
    const Out& out = out_[i];
    std::size_t at = 0;
    if (!out.neighbours.empty()) at = modes[out.neighbours[0]] * out.row;
    if (out.neighbours.size() == 2) at += modes[out.neighbours[1]];
    modes[out.variable] = out.best[at];
  }
}

}  // namespace pot
