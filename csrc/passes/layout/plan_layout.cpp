#include "passes/layout/plan_layout.h"

#include <algorithm>
#include <map>

#include "passes/layout/layout_choice.h"
#include "passes/layout/layout_labels.h"
#include "passes/layout/layout_reasons.h"

namespace pot {
namespace {

/// What a choice of modes leaves to be moved.
class Moves {
 public:
  Moves(const LayoutNetwork& network, const LayoutLabels& labels,
        const std::vector<std::size_t>& modes)
      : network_(network),
        labels_(labels),
        modes_(modes),
        ports_(ports_of_families(network)),
        reasons_(network, ports_, modes) {}

  std::vector<LayoutPlan::Move> all() && {
    for (std::size_t family = 0; family < network_.families.size(); ++family) {
      if (!network_.families[family].constant) add(family);
    }
    return std::move(moves_);
  }

 private:
  void add(std::size_t family) {
    const LayoutProblem::Family& weighed = labels_.problem.families[family];
    std::optional<PortAt> maker;
    std::map<std::size_t, std::vector<PortAt>> readers;  // by label
    std::map<std::size_t, std::size_t> at_hand;          // a label of each group that there is
    for (std::size_t i = 0; i < weighed.ports.size(); ++i) {
      const LayoutProblem::Port& port = weighed.ports[i];
      const std::size_t label = port.label[modes_[port.place]];
      if (port.makes) {
        maker = ports_[family][i];
        at_hand[weighed.group[label]] = label;
        made_ = label;
      } else {
        readers[label].push_back(ports_[family][i]);
      }
    }
    for (const auto& [label, who] : readers) {
      if (maker && label == made_) continue;
      const auto [source, moves] = at_hand.emplace(weighed.group[label], label);
      const std::size_t from = moves ? made_ : source->second;
      if (maker) add(family, from, label, moves ? weighed.bytes : 0, {*maker, {}, who, {}});
    }
  }

  void add(std::size_t family, std::size_t from, std::size_t to, std::int64_t bytes,
           LeftMove left) {
    left.from = labels_.layouts[family][from];
    left.to = labels_.layouts[family][to];
    LayoutPlan::Move move;
    move.family = family;
    move.from = left.from;
    move.to = left.to;
    move.bytes = bytes;
    move.value = name(family, left.to);
    move.between = network_.places[left.maker.place].label;
    std::stable_partition(left.readers.begin(), left.readers.end(), [&](const PortAt& reader) {
      return reasons_.refusal(reader, left.from).has_value();
    });
    for (const PortAt& reader : left.readers) {
      move.readers.push_back(network_.places[reader.place].label);
    }
    move.reason = reasons_.why_left(left);
    moves_.push_back(std::move(move));
  }

  /// The member that is this layout, else the root.
  [[nodiscard]] std::string name(std::size_t family, const Layout& layout) const {
    const auto& members = network_.families[family].members;
    const auto same = std::ranges::find_if(
        members, [&](const ValueFamily::Member& one) { return layout == Layout(one.perm); });
    const LayoutValue& value = (same == members.end() ? members.front() : *same).value;
    return std::string(value.graph->value_name(value.id));
  }

  const LayoutNetwork& network_;
  const LayoutLabels& labels_;
  const std::vector<std::size_t>& modes_;
  std::vector<std::vector<PortAt>> ports_;
  LayoutReasons reasons_;
  std::size_t made_ = 0;
  std::vector<LayoutPlan::Move> moves_;
};

/// What the file's Transposes move: each one its whole value, wherever an axis above 1 moves.
LayoutPlan::Count count_transposes(const LayoutNetwork& network) {
  LayoutPlan::Count count;
  for (const ValueFamily& family : network.families) {
    if (family.constant) continue;
    for (const ValueFamily::Member& member : family.members) {
      if (!member.transpose) continue;
      const Permutation& source = family.members[member.source].perm;
      if (same_memory(Layout(source), Layout(member.perm), family.dims)) continue;
      ++count.transposes;
      count.bytes += family.bytes;
    }
  }
  return count;
}

/// Operators of the file that lose by a layout without which more bytes would move.
std::vector<std::string> slower(const LayoutNetwork& network,
                                const std::vector<std::size_t>& modes) {
  std::vector<std::string> notes;
  for (std::size_t index = 0; index < modes.size(); ++index) {
    const LayoutPlace& place = network.places[index];
    const LayoutPlace::Mode& mode = place.modes[modes[index]];
    if (mode.slowdown == 0 || mode.other_operator) continue;
    notes.push_back(place.label +
                    ": onnxruntime runs it slower in its new layout; a target cost for " +
                    place.graph->node(place.node).op_type.value + " would keep it as it is");
  }
  return notes;
}

}  // namespace

LayoutPlan plan_layout(const LayoutNetwork& network) {
  const LayoutLabels labels = label_layouts(network);
  LayoutChoice choice = choose_layout(network, labels.problem);
  LayoutPlan plan;
  plan.moves = Moves(network, labels, choice.modes).all();
  plan.before = count_transposes(network);
  for (const LayoutPlan::Move& move : plan.moves) {
    plan.after.transposes += move.bytes > 0 ? 1 : 0;
    plan.after.bytes += move.bytes;
  }
  plan.optimum = std::min(choice.optimum, plan.after.bytes);
  plan.notes = slower(network, choice.modes);
  plan.mode = std::move(choice.modes);
  plan.method = choice.method;
  return plan;
}

}  // namespace pot
