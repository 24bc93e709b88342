#include "passes/layout/layout_border.h"

#include "passes/layout/layout_frames.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

using Kind = LayoutPlace::Kind;
using Asked = std::variant<NamedLayout, Permutation>;

Error no_such(std::string message) {
  return {.kind = Error::Kind::request, .message = std::move(message)};
}

std::string names(const Graph& graph, std::span<const ValueInfo> infos) {
  std::string out;
  for (const ValueInfo& info : infos) {
    out += (out.empty() ? "'" : ", '") + std::string(graph.value_name(info.value)) + "'";
  }
  return out.empty() ? "none" : out;
}

std::string axes(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " axis" : " axes");
}

class Border {
 public:
  Border(LayoutNetwork& network, const Graph& main, LayoutClosure& closure)
      : network_(network), main_(main), closure_(closure) {}

  Status set(const std::string& name, const Asked& asked) {
    const ValueId id = main_.find_value(name);
    if (!id || (!main_.value(id).is_input && !main_.value(id).is_output)) {
      return no_such("the model has no input or output '" + name +
                     "'; its inputs: " + names(main_, main_.inputs()) +
                     "; its outputs: " + names(main_, main_.outputs()));
    }
    bool found = false;
    for (std::size_t index = 0; index < network_.places.size(); ++index) {
      const LayoutPlace& place = network_.places[index];
      if (!is_border(place) || value_of(place) != id) continue;
      found = true;
      if (auto status = set(index, name, asked); !status) return status;
    }
    if (!found) return no_such("'" + name + "' cannot be stored otherwise: " + why_none(id));
    return ok_status();
  }

 private:
  [[nodiscard]] bool is_border(const LayoutPlace& place) const {
    return place.graph == &main_ &&
           (place.kind == Kind::graph_input || place.kind == Kind::graph_output);
  }
  [[nodiscard]] ValueId value_of(const LayoutPlace& place) const {
    return (place.kind == Kind::graph_input ? main_.inputs() : main_.outputs())[place.slot].value;
  }
  [[nodiscard]] std::string why_none(ValueId id) const {
    return constant_of(main_, id) ? "it is a constant" : "its number of axes is not known";
  }

  Status set(std::size_t index, const std::string& name, const Asked& asked) {
    const LayoutPlace& place = network_.places[index];
    const LayoutPlace::Port& port = place.ports.front();
    const ValueFamily& family = network_.families[port.family];
    const std::size_t rank = family.dims.size();
    const auto* perm = std::get_if<Permutation>(&asked);
    if (perm && perm->rank() != rank) {
      return no_such("'" + name + "' has " + axes(rank) + ", the order " + perm->text() + " has " +
                     std::to_string(perm->rank()));
    }
    if (!perm && rank < 3) {
      return no_such("'" + name + "' has " + axes(rank) +
                     "; nchw and nhwc are layouts of 3 or more: give an order of its axes");
    }
    if (main_.value(value_of(place)).initializer && place.kind == Kind::graph_input) {
      network_.left.emplace_back(place.label, "its default value would have to lie otherwise too");
      return ok_status();
    }
    const Permutation& own = family.members[port.member].perm;
    const Layout layout = perm ? before_transpose(own, Layout(*perm))
                               : named(name, family, own, std::get<NamedLayout>(asked));
    const Permutation order = after_transpose(own, layout).perm;
    LayoutPlace::Mode mode;
    mode.layouts.push_back(layout);
    closure_.fix(index, std::move(mode), "another layout was asked for");
    if (!order.is_identity()) network_.border[name] = order;
    return ok_status();
  }

  [[nodiscard]] Layout named(const std::string& name, const ValueFamily& family,
                             const Permutation& own, NamedLayout layout) {
    if (const auto known = named_layout(family, layout)) return *known;
    network_.notes.push_back("'" + name +
                             "' is taken as nchw: no operator near it says where its "
                             "channels are");
    if (layout == NamedLayout::nchw) return Layout(own);
    return before_transpose(own, channels_last(own.rank()));
  }

  LayoutNetwork& network_;
  const Graph& main_;
  LayoutClosure& closure_;
};

}  // namespace

Status set_border(LayoutNetwork& network, const Model& model, const LayoutOptions& options,
                  LayoutClosure& closure) {
  Border border(network, model.graph(), closure);
  for (const auto& [name, asked] : options.io) {
    if (auto status = border.set(name, asked); !status) return status;
  }
  return ok_status();
}

}  // namespace pot
