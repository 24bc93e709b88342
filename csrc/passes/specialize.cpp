#include "passes/specialize.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "passes/baked_sizes.h"
#include "passes/bind_dims.h"
#include "passes/border_names.h"
#include "passes/drop_no_ops.h"
#include "passes/drop_reshape_pairs.h"
#include "passes/fold_values.h"
#include "passes/inline_if.h"
#include "passes/merge_pads.h"
#include "passes/prune.h"
#include "passes/share_duplicates.h"
#include "passes/simplify_shapes.h"
#include "passes/stand_in.h"
#include "passes/static_sequences.h"
#include "passes/unlist_weights.h"
#include "passes/unroll_loop.h"
#include "passes/unroll_scan.h"
#include "passes/write_types.h"

namespace pot {
namespace {

/// Each round makes the graph smaller or a body fewer; this many are for loops in loops.
constexpr int kMostRounds = 32;

class Specializer {
 public:
  Specializer(ModelPtr model, const SpecializeOptions& options)
      : model_(std::move(model)),
        options_(options),
        budget_{.growth = options.max_growth.value_or(kModestGrowth),
                .copies = options.max_growth.has_value()} {}

  Result<Specialized> run() {
    unlist_weights(*model_, changes_);
    if (auto sorted = sort(); !sorted) return sorted.error();
    for (int round = 0; round < kMostRounds; ++round) {
      auto changed = simplify();
      if (!changed) return changed.error();
      if (!changed.value()) break;
    }
    if (auto sorted = sort(); !sorted) return sorted.error();
    prune_header(*model_, changes_);
    write_types(*model_, *facts_, options_.value_info);
    return Specialized{.model = model_,
                       .changes = std::move(changes_),
                       .leftovers = find_leftovers(*model_, *facts_)};
  }

 private:
  Status sort() {
    for (const GraphPtr& graph : graphs_of(*model_)) {
      if (auto sorted = graph->sort(); !sorted) return sorted;
    }
    return ok_status();
  }

  Status infer() {
    auto facts = infer_shapes(*model_, options_.fallback);
    if (!facts) return facts.error();
    facts_ = std::move(facts).value();
    return ok_status();
  }

  /// One round. What a pass makes anew, those after it know nothing of until the next one.
  Result<bool> simplify() {
    if (auto inferred = infer(); !inferred) return inferred.error();
    changes_.forget_left();
    bool changed = false;
    for (const auto& part : {fold(), drop(), take_apart(), tidy()}) {
      for (const Pass& pass : part) {
        auto done = pass(*model_, *facts_, changes_);
        if (!done) return done.error();
        changed = changed || done.value();
      }
    }
    return changed;
  }

  using Pass = std::function<Result<bool>(Model&, const ModelFacts&, Changes&)>;

  std::vector<Pass> fold() {
    return {fold_values,
            [](Model& model, const ModelFacts&, Changes& changes) {
              return lift_constants(model, changes);
            },
            [this](Model&, const ModelFacts& facts, Changes& changes) {
              return fold_constants(model_, facts, changes, budget_, options_.evaluate);
            }};
  }

  static std::vector<Pass> drop() {
    return {drop_no_ops, merge_chains, drop_reshape_pairs, merge_pads};
  }

  std::vector<Pass> take_apart() const {
    const auto bounded = [most = options_.max_unroll](auto pass) -> Pass {
      return [pass, most](Model& model, const ModelFacts& facts, Changes& changes) {
        return pass(model, facts, changes, most);
      };
    };
    const bool bodies = graphs_of(*model_).size() > 1;
    if (!bodies) return {bounded(static_sequences)};
    return {inline_if, bounded(unroll_loop), bounded(unroll_scan), bounded(static_sequences)};
  }

  static std::vector<Pass> tidy() {
    const auto without_facts = [](auto pass) -> Pass {
      return [pass](Model& model, const ModelFacts&, Changes& changes) {
        return pass(model, changes);
      };
    };
    return {simplify_shapes, without_facts(share_duplicates), without_facts(prune)};
  }

  ModelPtr model_;
  const SpecializeOptions& options_;
  Changes changes_;
  FoldBudget budget_;
  std::optional<ModelFacts> facts_;
};

}  // namespace

Result<Specialized> specialize(const Model& model, const SpecializeOptions& options) {
  if (auto named = check_border_names(model); !named) return named.error();
  const SameMeaning none = [](const std::string&, const std::string&, std::int64_t, std::int64_t) {
    return false;
  };
  auto bound = bind_dims(model, options.shapes, options.dims);
  if (!bound) return bound.error();
  if (auto taken = check_sizes(model, bound.value(), options.fallback); !taken) {
    return taken.error();
  }
  auto inlined =
      inline_functions(*bound.value().model, options.same_meaning ? options.same_meaning : none);
  if (!inlined) return inlined.error();
  return Specializer(inlined.value().model, options).run();
}

}  // namespace pot
