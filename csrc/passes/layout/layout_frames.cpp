#include "passes/layout/layout_frames.h"

#include <algorithm>
#include <deque>

#include "ops/shared/op_table.h"
#include "passes/layout/layout_closure.h"

namespace pot {
namespace {

constexpr std::size_t kLeastRank = 3;  // of something that has channels and a place in space

class Frames {
 public:
  explicit Frames(LayoutNetwork& network) : network_(network), at_(ports_of_families(network)) {}

  void begin(const LayoutPlace& place) {
    for (const LayoutPlace::Port& port : place.ports) {
      const bool data = port.operand.slot == 0;
      if (data) set(port.family, network_.families[port.family].members[port.member].perm);
    }
  }

  /// The first to reach a family is the nearest.
  void flood() {
    while (!queue_.empty()) {
      const std::size_t family = queue_.front();
      queue_.pop_front();
      for (const auto& [place, port] : at_[family]) {
        pass(network_.places[place], port, *network_.families[family].channels_first);
      }
    }
  }

 private:
  void set(std::size_t index, const Permutation& channels_first) {
    ValueFamily& family = network_.families[index];
    if (family.constant || family.channels_first || channels_first.rank() < kLeastRank) return;
    family.channels_first = channels_first;
    queue_.push_back(index);
  }

  /// To the other values of a place that then lie in an order of as many axes.
  void pass(const LayoutPlace& place, std::size_t from, const Permutation& channels_first) {
    const auto mode = std::ranges::find_if(place.modes, [&](const LayoutPlace::Mode& one) {
      return one.layouts[from] == Layout(channels_first);
    });
    if (mode == place.modes.end()) return;
    for (std::size_t port = 0; port < place.ports.size(); ++port) {
      const Layout& layout = mode->layouts[port];
      if (layout.plain() && layout.rank() == channels_first.rank()) {
        set(place.ports[port].family, layout.perm);
      }
    }
  }

  LayoutNetwork& network_;
  std::vector<std::vector<PortAt>> at_;
  std::deque<std::size_t> queue_;
};

}  // namespace

void find_frames(LayoutNetwork& network, const Model& model, const ModelFacts& facts) {
  Frames frames(network);
  std::vector<const LayoutPlace*> flexible;
  for (const LayoutPlace& place : network.places) {
    if (place.kind != LayoutPlace::Kind::node) continue;
    const OpEntry* entry = op_entry(model, *place.graph, place.node);
    if (!entry || !entry->channels_last) continue;
    show_node(model, facts, place, [&](const LayoutNode& node) {
      if (insists_on_channels_first(node, *entry)) {
        frames.begin(place);
      } else {
        flexible.push_back(&place);
      }
    });
  }
  frames.flood();
  for (const LayoutPlace* place : flexible) frames.begin(*place);
  frames.flood();
}

std::optional<Layout> named_layout(const ValueFamily& family, NamedLayout name) {
  if (!family.channels_first) return std::nullopt;
  const Permutation& first = *family.channels_first;
  return Layout(name == NamedLayout::nchw ? first : first.then(channels_last(first.rank())));
}

}  // namespace pot
