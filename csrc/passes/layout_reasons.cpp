#include "passes/layout_reasons.h"

#include <algorithm>

namespace pot {
namespace {

/// Why the place cannot have this layout there; nothing when it can.
std::optional<std::string> refusal(const LayoutNetwork& network, const PortAt& at,
                                   const Layout& layout) {
  const LayoutPlace& place = network.places[at.place];
  for (const LayoutPlace::Mode& mode : place.modes) {
    if (mode.layouts[at.port] == layout) return std::nullopt;
  }
  for (const LayoutPlace::Refused& one : place.refused) {
    if (one.port == at.port && one.layout == layout) return place.label + ": " + one.reason;
  }
  return place.label + ": this layout was asked for";
}

std::string more(std::size_t count) {
  if (count == 0) return "";
  return " (and " + std::to_string(count) + " more)";
}

}  // namespace

std::string why_left(const LayoutNetwork& network, const LeftMove& move) {
  std::vector<std::string> refused;
  std::vector<std::string> able;
  for (const PortAt& reader : move.readers) {
    if (auto reason = refusal(network, reader, move.from)) {
      refused.push_back(std::move(*reason));
    } else {
      able.push_back("past " + network.places[reader.place].label);
    }
  }
  std::string out;
  if (!refused.empty()) {
    out = refused.front() + more(refused.size() - 1);
    able.clear();  // it has to be moved for the one that refuses
  }
  if (move.maker) {
    if (auto reason = refusal(network, *move.maker, move.to)) {
      out += (out.empty() ? "" : "; ") + *reason;
    } else {
      able.insert(able.begin(), "before " + network.places[move.maker->place].label);
    }
  }
  if (able.empty()) return out;
  const std::string where = able.front() + (able.size() > 1 ? " or " + able[1] : "") +
                            more(able.size() > 2 ? able.size() - 2 : 0);
  return out + (out.empty() ? "" : "; ") + "moving it " + where + " would move no fewer bytes";
}

}  // namespace pot
