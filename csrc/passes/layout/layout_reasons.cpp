#include "passes/layout/layout_reasons.h"

#include <algorithm>
#include <deque>
#include <set>

namespace pot {
namespace {

/// Places that are looked at for what stands in the way of one conversion.
constexpr std::size_t kFarthest = 64;

const LayoutPlace::Mode* mode_with(const LayoutPlace& place, std::size_t port,
                                   const Layout& layout) {
  const auto found = std::ranges::find_if(
      place.modes, [&](const LayoutPlace::Mode& mode) { return mode.layouts[port] == layout; });
  return found == place.modes.end() ? nullptr : &*found;
}

/// A product whose weight would be on the left, or an operator with a target cost.
constexpr const char* kSlower = ": it would run slower so, by more than moving takes";

std::string more(std::size_t count) {
  return count == 0 ? "" : " (and " + std::to_string(count) + " more)";
}

}  // namespace

std::optional<std::string> LayoutReasons::refusal(const PortAt& at, const Layout& layout) const {
  const LayoutPlace& place = network_.places[at.place];
  if (mode_with(place, at.port, layout)) return std::nullopt;
  for (const LayoutPlace::Refused& one : place.refused) {
    if (one.port == at.port && one.layout == layout) return place.label + ": " + one.reason;
  }
  return place.label + ": it is to have another layout";
}

bool LayoutReasons::costs_more(const PortAt& at, const Layout& layout) const {
  const LayoutPlace& place = network_.places[at.place];
  const LayoutPlace::Mode* mode = mode_with(place, at.port, layout);
  if (!mode) return false;
  const LayoutPlace::Mode& chosen = place.modes[modes_[at.place]];
  return mode->cost + mode->slowdown > chosen.cost + chosen.slowdown;
}

/// What comes in the way first when the place has this layout there; "" when nothing refuses it.
std::string LayoutReasons::behind(const PortAt& at, const Layout& layout) const {
  std::deque<std::pair<PortAt, Layout>> open{{at, layout}};
  std::set<std::size_t> seen{at.place};
  while (!open.empty() && seen.size() < kFarthest) {
    const auto [here, wanted] = open.front();
    open.pop_front();
    const LayoutPlace& place = network_.places[here.place];
    const LayoutPlace::Mode* mode = mode_with(place, here.port, wanted);
    if (!mode) return *refusal(here, wanted);
    if (costs_more(here, wanted)) return place.label + kSlower;
    for (std::size_t port = 0; port < place.ports.size(); ++port) {
      const std::size_t family = place.ports[port].family;
      if (mode->layouts[port] == place.modes[modes_[here.place]].layouts[port]) continue;
      if (network_.families[family].constant) continue;
      for (const PortAt& next : ports_[family]) {
        if (!seen.insert(next.place).second) continue;
        open.emplace_back(next, mode->layouts[port]);
      }
    }
  }
  return "";
}

void LayoutReasons::look(const PortAt& at, const Layout& layout, const std::string& where,
                         Side& side) const {
  if (auto reason = refusal(at, layout)) {
    side.refused.push_back(std::move(*reason));
    return;
  }
  if (costs_more(at, layout)) {
    side.able.push_back(network_.places[at.place].label + kSlower);
    return;
  }
  const std::string reason = behind(at, layout);
  side.able.push_back(where + " " + network_.places[at.place].label + " moves no fewer bytes" +
                      (reason.empty() ? "" : " (" + reason + ")"));
}

std::string LayoutReasons::why_left(const LeftMove& move) const {
  Side readers, maker;
  for (const PortAt& reader : move.readers) look(reader, move.from, "moving it past", readers);
  look(move.maker, move.to, "moving it before", maker);
  const auto first = [](const Side& side) {
    const auto& list = side.refused.empty() ? side.able : side.refused;
    return list.front() + more(list.size() - 1);
  };
  return first(readers) + "; " + first(maker);
}

}  // namespace pot
