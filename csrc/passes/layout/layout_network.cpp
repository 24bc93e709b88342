#include "passes/layout/layout_network.h"

#include <algorithm>
#include <cmath>

#include "passes/layout/layout_border.h"
#include "passes/layout/layout_closure.h"
#include "passes/layout/layout_families.h"
#include "passes/layout/layout_frames.h"
#include "passes/layout/layout_places.h"

namespace pot {
namespace {

const LayoutPlace::Port* first_output(const LayoutPlace& place) {
  const auto found = std::ranges::find(place.ports, Operand{true, 0}, &LayoutPlace::Port::operand);
  return found == place.ports.end() ? nullptr : &*found;
}

/// Calls `visit` with each place and the cost that is asked for it.
template <class Visit>
void for_each_target(LayoutNetwork& network, const LayoutOptions& options, Visit&& visit) {
  for (const TargetCost& cost : options.target_costs) {
    for (LayoutPlace& place : network.places) {
      if (place.kind != LayoutPlace::Kind::node) continue;
      const LayoutPlace::Port* output = first_output(place);
      if (!output || place.graph->node(place.node).op_type != cost.op_type) continue;
      visit(place, static_cast<std::size_t>(output - place.ports.data()), cost);
    }
  }
}

/// An operator that a target runs slower in one layout may want to be in the other, even where
/// nothing in the file lies so.
void offer_targets(LayoutNetwork& network, const LayoutOptions& options, LayoutClosure& closure) {
  for_each_target(network, options,
                  [&](const LayoutPlace& place, std::size_t port, const TargetCost&) {
                    const std::size_t family = place.ports[port].family;
                    for (const NamedLayout name : {NamedLayout::nchw, NamedLayout::nhwc}) {
                      const auto layout = named_layout(network.families[family], name);
                      if (layout) closure.occurs(family, *layout);
                    }
                  });
}

void weigh_targets(LayoutNetwork& network, const LayoutOptions& options) {
  constexpr double kMost = 1e12;
  for_each_target(network, options,
                  [&](LayoutPlace& place, std::size_t port, const TargetCost& cost) {
                    const ValueFamily& family = network.families[place.ports[port].family];
                    const auto layout = named_layout(family, cost.layout);
                    if (!layout || !(cost.factor > 0)) return;
                    const double bytes = static_cast<double>(family.bytes) * cost.factor;
                    for (LayoutPlace::Mode& mode : place.modes) {
                      if (mode.layouts[port] != *layout) continue;
                      mode.cost += static_cast<std::int64_t>(std::ceil(std::min(bytes, kMost)));
                    }
                  });
}

}  // namespace

Result<LayoutNetwork> layout_network(Model& model, const ModelFacts& facts,
                                     const LayoutOptions& options) {
  LayoutNetwork network;
  const WeighedSizes sizes(model.graph(), facts, options.sizes);
  const auto families = LayoutFamilies::find(model, facts, sizes, network);
  if (!families) return families.error();
  find_places(families.value(), model, network);
  LayoutClosure closure(network, model, facts, sizes, options);
  closure.run();
  find_frames(network, model, facts);
  if (auto status = set_border(network, model, options, closure); !status) return status.error();
  offer_targets(network, options, closure);
  closure.run();
  weigh_targets(network, options);
  return network;
}

}  // namespace pot
