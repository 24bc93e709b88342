#include "passes/layout/layout_value_map.h"

#include <algorithm>
#include <tuple>

namespace pot {
namespace {

/// What a name of the new main graph holds.
struct Held {
  ValueId id;
  Layout layout;  ///< of the root of its family
  bool made = false;
};

/// How well it stands for a member of the family: the same under the same name, the same, the same
/// name, whatever the maker makes.
int rank_of(const Held& held, const ValueFamily::Member& member) {
  const bool same = held.layout == Layout(member.perm);
  const bool named = held.id == member.value.id;
  if (same) return named ? 0 : 1;
  if (named) return 2;
  return held.made ? 3 : 4;
}

std::vector<std::vector<Held>> held_by_family(const Graph& main, const LayoutNetwork& network,
                                              const LayoutReaders& readers,
                                              const StoredLayouts& stored) {
  std::vector<std::vector<Held>> held(network.families.size());
  for (const StoredLayout& each : stored.all()) {
    if (each.graph == &main) held[each.family].push_back({each.id, each.layout, !each.source});
  }
  // What an Identity makes.
  for (const LayoutReaders::Output& output : readers.outputs) {
    if (output.graph != &main) continue;
    const ValueId id = main.outputs()[output.slot].value;
    std::vector<Held>& list = held[output.family];
    if (std::ranges::find(list, id, &Held::id) == list.end()) list.push_back({id, output.layout});
  }
  return held;
}

}  // namespace

std::vector<StoredAs> layout_value_map(const Graph& main, const LayoutNetwork& network,
                                       const LayoutReaders& readers, const StoredLayouts& stored) {
  const auto held = held_by_family(main, network, readers, stored);
  std::vector<std::pair<int, StoredAs>> found;
  for (std::size_t family = 0; family < held.size(); ++family) {
    if (held[family].empty()) continue;
    for (const ValueFamily::Member& member : network.families[family].members) {
      if (member.value.graph != &main) continue;
      const auto rank = [&](const Held& each) { return rank_of(each, member); };
      const Held& best = *std::ranges::min_element(held[family], {}, rank);
      for (const Held& each : held[family]) {
        // One that has the name and another layout would be taken for the value itself.
        const bool named = each.id == member.value.id;
        if ((&each != &best && !named) || rank(each) == 0) continue;
        found.emplace_back(rank(each), StoredAs{std::string(main.value_name(each.id)),
                                                std::string(main.value_name(member.value.id)),
                                                after_transpose(member.perm, each.layout)});
      }
    }
  }
  std::ranges::sort(found, [](const auto& a, const auto& b) {
    return std::tie(a.second.value, b.first, a.second.old_value) <
           std::tie(b.second.value, a.first, b.second.old_value);
  });
  std::vector<StoredAs> map;
  for (auto& [rank, entry] : found) map.push_back(std::move(entry));
  return map;
}

}  // namespace pot
