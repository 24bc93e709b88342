#include "passes/layout/change_layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "passes/border_names.h"
#include "passes/inline_functions.h"
#include "passes/layout/cancel_gathers.h"
#include "passes/layout/channels_last.h"
#include "passes/layout/kept_constants.h"
#include "passes/layout/vain_reshapes.h"
#include "passes/prune.h"
#include "passes/unlist_weights.h"

namespace pot {
namespace {

/// A model of other domains only need not import ONNX's own operators: a version for those that an
/// edit adds, which readers of its IR version know.
std::int64_t first_opset(const Model& model) {
  constexpr std::int64_t kIrOfOpset13 = 7;
  return model.ir_version().value_or(0) >= kIrOfOpset13 ? 13 : 9;
}

bool has_standard_nodes(const Model& model) {
  bool found = false;
  for_each_graph(model, [&](const Graph& graph) {
    found = found || std::ranges::any_of(graph.nodes(),
                                         [&](NodeId id) { return graph.node(id).is_standard(); });
  });
  return found;
}

/// Functions with a Transpose inside, or in a function that they call.
class HoldTransposes {
 public:
  explicit HoldTransposes(const Model& model) : model_(model) {}

  bool operator()(const Function& function) {
    if (!open_.insert(&function).second) return false;  // a function that calls itself
    const bool found = holds(*function.body);
    open_.erase(&function);
    return found;
  }

 private:
  bool holds(const Graph& graph) {
    return std::ranges::any_of(graph.nodes(), [&](NodeId id) {
      const Node& node = graph.node(id);
      const Function* called = model_.find_function(node.domain, node.op_type, node.overload);
      if (called) return (*this)(*called);
      if (node.is("Transpose")) return true;
      return node.has_bodies() &&
             std::ranges::any_of(node.bodies(), [&](const GraphPtr& body) { return holds(*body); });
    });
  }

  const Model& model_;
  std::set<const Function*> open_;
};

class LayoutChange {
 public:
  LayoutChange(const Model& model, const LayoutOptions& options)
      : given_(model), options_(options), model_(model.copy()) {}

  Result<Relaid> run() {
    if (auto done = open_functions(); !done) return done.error();
    if (auto done = expand(); !done) return done.error();
    unlist_weights(*model_, changes_);
    const bool imported = model_->opset().has_value();
    if (!imported) model_->set_opset("", first_opset(*model_));
    const auto facts = infer_shapes(*model_, options_.fallback);
    if (!facts) return facts.error();
    auto network = layout_network(*model_, facts.value(), options_);
    if (!network) return network.error();
    made_.plan = plan_layout(network.value());
    const Unneeded before = unneeded(*model_);
    const KeptConstants constants(*model_);
    auto applied = apply_layout(*model_, network.value(), made_.plan, options_);
    if (!applied) return applied.error();
    made_.applied = std::move(applied).value();
    made_.border = std::move(network.value().border);
    std::ranges::move(network.value().left, std::back_inserter(made_.left));
    made_.notes = std::move(network.value().notes);
    std::ranges::copy(made_.plan.notes, std::back_inserter(made_.notes));
    if (made_.applied.changes.rules().empty() && expanded_.calls == 0) return std::move(made_);
    if (!options_.only_cancel) cancel_gathers(*model_, facts.value(), made_.applied.changes);
    drop_vain_reshapes(network.value(), made_.plan, made_.applied.changes);
    constants.restore(*model_);
    if (auto pruned = prune_but(*model_, made_.applied.changes, before); !pruned) {
      return pruned.error();
    }
    allow_unlisted_weights(*model_);
    if (!imported && !has_standard_nodes(*model_)) model_->remove_opset("");
    if (opened_ != 0) prune_header(*model_, made_.applied.changes);
    made_.applied.changes.count("inlined functions that hold Transposes", opened_);
    made_.applied.changes.count("expanded channels-last functions", expanded_.calls);
    if (expanded_.calls != 0) through_expansion();
    forget_inner_names();
    made_.model = model_;
    return std::move(made_);
  }

 private:
  Status open_functions() {
    HoldTransposes holds(*model_);
    std::set<const Function*> opened;
    for (const auto& function : model_->functions()) {
      const bool ours = function->domain == options_.domain;
      if (!ours && !options_.only_cancel && holds(*function)) opened.insert(function.get());
    }
    if (opened.empty()) return ok_status();
    const SameMeaning none = [](const auto&, const auto&, auto, auto) { return false; };
    auto inlined = inline_functions(
        *model_, none, [&](const Function& function) { return opened.contains(&function); });
    if (!inlined) return inlined.error();
    for (Inlined::Kept& kept : inlined.value().kept) {
      made_.left.emplace_back(std::move(kept.call), std::move(kept.reason));
    }
    opened_ = opened.size();
    model_ = std::move(inlined.value().model);
    return ok_status();
  }

  /// Calls that are there already are made anew: filters may be asked for in another layout.
  Status expand() {
    const bool anew = options_.to == LayoutOptions::To::channels_last && !options_.only_cancel;
    if (!options_.expand && !anew) return ok_status();
    auto expanded = expand_channels_last(*model_, options_.domain);
    if (!expanded && !options_.expand) return ok_status();  // the domain has other functions, too
    if (!expanded) return expanded.error();
    expanded_ = std::move(expanded).value();
    model_ = expanded_.model;
    return ok_status();
  }

  /// The map of the plan starts from the expanded model: here it is led back to the given one.
  void through_expansion() {
    std::map<std::string, std::vector<StoredAs>> of_plan;  // by value of the expanded model
    for (StoredAs& each : made_.applied.value_map) of_plan[each.old_value].push_back(each);
    std::vector<StoredAs> map;
    for (const Expanded::Renamed& renamed : expanded_.value_map) {
      const auto known = of_plan.find(renamed.value);
      if (known == of_plan.end()) {
        map.push_back({renamed.value, renamed.old_value, renamed.layout});
        continue;
      }
      for (const StoredAs& each : known->second) {
        map.push_back(
            {each.value, renamed.old_value, before_transpose(renamed.layout.perm, each.layout)});
      }
      known->second.clear();
    }
    for (auto& [value, entries] : of_plan) std::ranges::move(entries, std::back_inserter(map));
    std::ranges::sort(map, {}, [](const StoredAs& each) {
      return std::tie(each.value, each.old_value, each.layout);
    });
    const auto repeats = [](const StoredAs& a, const StoredAs& b) {
      return a.value == b.value && a.old_value == b.old_value;
    };
    map.erase(std::unique(map.begin(), map.end(), repeats), map.end());
    std::erase_if(map, [](const StoredAs& each) {
      return each.value == each.old_value && each.layout.is_identity();
    });
    made_.applied.value_map = std::move(map);
  }

  /// What an opened function made has no name outside, and a constant may have gone meanwhile.
  void forget_inner_names() {
    const auto is_defined = [](const Graph& graph, const std::string& name) {
      const ValueId id = graph.find_value(name);
      return id && graph.is_defined(id);
    };
    std::erase_if(made_.applied.value_map, [&](const StoredAs& each) {
      return !is_defined(given_.graph(), each.old_value) ||
             !is_defined(model_->graph(), each.value);
    });
  }

  const Model& given_;
  const LayoutOptions& options_;
  ModelPtr model_;
  std::size_t opened_ = 0;
  Expanded expanded_;
  Changes changes_;
  Relaid made_;
};

}  // namespace

Result<Relaid> change_layout(const Model& model, const LayoutOptions& options) {
  if (auto named = check_border_names(model); !named) return named.error();
  auto made = LayoutChange(model, options).run();
  if (made && !made.value().model) made.value().model = model.copy();
  return made;
}

}  // namespace pot
