#include "passes/changes.h"

#include <algorithm>

namespace pot {

void Changes::count(std::string_view rule, std::size_t times) {
  if (times == 0) return;
  const auto found = std::ranges::find(rules_, rule, &Rule::name);
  if (found != rules_.end()) {
    found->count += times;
  } else {
    rules_.push_back({std::string(rule), times});
  }
}

void Changes::replaced(std::string_view from, std::string_view to) {
  if (from != to) replaced_.insert_or_assign(std::string(from), std::string(to));
}

void Changes::leave(std::string node, std::string reason) {
  Left left{std::move(node), std::move(reason)};
  if (std::ranges::count(left_, left) == 0) left_.push_back(std::move(left));
}

std::string Changes::stands_for(std::string_view name) const {
  std::string current(name);
  // A chain is no longer than the map; a ring can only come from two values that swapped names.
  for (std::size_t step = 0; step < replaced_.size(); ++step) {
    const auto next = replaced_.find(current);
    if (next == replaced_.end()) break;
    current = next->second;
  }
  return current;
}

std::vector<std::pair<std::string, std::string>> Changes::value_map() const {
  std::vector<std::pair<std::string, std::string>> map;
  for (const auto& [from, to] : replaced_) {
    (void)to;
    if (std::string now = stands_for(from); now != from) map.emplace_back(from, std::move(now));
  }
  std::ranges::sort(map);
  return map;
}

}  // namespace pot
