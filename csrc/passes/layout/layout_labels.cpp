#include "passes/layout/layout_labels.h"

#include <algorithm>

#include "passes/layout/layout_places.h"

namespace pot {
namespace {

std::size_t label_of(std::vector<Layout>& layouts, const Layout& layout) {
  const auto found = std::ranges::find(layouts, layout);
  if (found != layouts.end()) return static_cast<std::size_t>(found - layouts.begin());
  layouts.push_back(layout);
  return layouts.size() - 1;
}

/// The first label that stores the same bytes.
std::vector<std::size_t> groups(const std::vector<Layout>& layouts, const Dims& dims) {
  std::vector<std::size_t> made;
  for (std::size_t label = 0; label < layouts.size(); ++label) {
    std::size_t first = 0;
    while (!same_memory(layouts[first], layouts[label], dims)) ++first;
    made.push_back(first);
  }
  return made;
}

}  // namespace

LayoutLabels label_layouts(const LayoutNetwork& network) {
  LayoutLabels made;
  for (const LayoutPlace& place : network.places) {
    LayoutProblem::Place& weighed = made.problem.places.emplace_back();
    for (const LayoutPlace::Mode& mode : place.modes) weighed.mode_cost.push_back(mode.cost);
  }
  const auto ports = ports_of_families(network);
  for (std::size_t index = 0; index < network.families.size(); ++index) {
    const ValueFamily& family = network.families[index];
    std::vector<Layout>& layouts = made.layouts.emplace_back();
    LayoutProblem::Family& weighed = made.problem.families.emplace_back();
    weighed.constant = family.constant != nullptr;
    weighed.bytes = family.constant ? 0 : family.bytes;
    for (const PortAt& at : ports[index]) {
      const LayoutPlace& place = network.places[at.place];
      LayoutProblem::Port port{.place = at.place, .makes = place.ports[at.port].makes, .label = {}};
      for (const LayoutPlace::Mode& mode : place.modes) {
        port.label.push_back(label_of(layouts, mode.layouts[at.port]));
      }
      weighed.ports.push_back(std::move(port));
    }
    weighed.group = groups(layouts, family.dims);
  }
  return made;
}

}  // namespace pot
