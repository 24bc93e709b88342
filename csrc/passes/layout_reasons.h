#pragma once
// Why a conversion stays where a plan leaves it.

#include <optional>
#include <string>
#include <vector>

#include "passes/layout_places.h"

namespace pot {

/// Between the port that makes a value and those that read it otherwise.
struct LeftMove {
  std::optional<PortAt> maker;
  Layout from;
  std::vector<PortAt> readers;
  Layout to;
};

/// A reader or the maker that has no other choice, or that a choice would cost more elsewhere.
[[nodiscard]] std::string why_left(const LayoutNetwork& network, const LeftMove& move);

}  // namespace pot
