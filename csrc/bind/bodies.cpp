#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <tuple>

#include "bind/bind.h"
#include "bind/fallback.h"
#include "bind/raise.h"
#include "passes/body_model.h"
#include "passes/inline_functions.h"
#include "passes/inline_if.h"
#include "passes/static_sequences.h"
#include "passes/unroll_loop.h"
#include "passes/unroll_scan.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

using TypeNames = std::unordered_map<std::string, std::string>;

auto body_model_of(const ModelPtr& model, std::uint32_t node, const std::string& attribute,
                   const TypeNames& types, const std::vector<std::string>& more) {
  std::unordered_map<std::string, TypeRef> known;
  for (const auto& [name, type] : types) {
    known.emplace(name, type_named(type));
    if (!known.at(name)) {
      raise(Error{.message = "value '" + name + "': no dtype is called '" + type + "'"});
    }
  }
  BodyModel made = unwrap(body_model(*model, NodeId{node}, attribute, known, more));
  return std::tuple(made.model, made.inputs, made.captured, made.outputs);
}

using FunctionKey = std::tuple<std::string, std::string, std::string>;

/// (domain, name, overload): those to open; all when there is no list.
std::function<bool(const Function&)> among(
    const std::optional<std::vector<FunctionKey>>& functions) {
  if (!functions) return {};
  return [functions](const Function& each) {
    const FunctionKey key{each.domain.value, each.name.value, each.overload.value};
    return std::ranges::count(*functions, key) != 0;
  };
}

/// Each round opens what stands in the way of the next one; this many are for loops in loops.
constexpr int kMostRounds = 16;

using Counted = std::vector<std::pair<std::string, std::size_t>>;

std::pair<Counted, std::vector<std::pair<std::string, std::string>>> take_apart(
    const ModelPtr& model, bool control, std::int64_t max_unroll, const py::object& fallback) {
  const Fallback asked = fallback_of(fallback);
  Changes changes;
  bool again = true;
  for (int round = 0; again && round < kMostRounds; ++round) {
    again = false;
    const auto pass = [&](auto run, auto... bound) {
      const ModelFacts facts = unwrap(infer_shapes(*model, asked));
      again = unwrap(run(*model, facts, changes, bound...)) || again;
    };
    pass(static_sequences, max_unroll);
    if (!control) continue;
    pass(inline_if);
    pass(unroll_loop, max_unroll);
    pass(unroll_scan, max_unroll);
  }
  Counted done;
  for (const Changes::Rule& rule : changes.rules()) done.emplace_back(rule.name, rule.count);
  return {done, changes.value_map()};
}

}  // namespace

void bind_bodies(py::module_& m) {
  m.def(
      "inline_functions",
      [](const ModelPtr& model, const SameMeaning& same_meaning,
         const std::optional<std::vector<FunctionKey>>& functions) {
        if (model->functions().empty()) {
          return std::tuple(model, std::vector<std::pair<std::string, std::string>>{});
        }
        Inlined made = unwrap(inline_functions(*model, same_meaning, among(functions)));
        std::vector<std::pair<std::string, std::string>> kept;
        for (const Inlined::Kept& each : made.kept) kept.emplace_back(each.call, each.reason);
        return std::tuple(made.model, kept);
      },
      "model"_a, "same_meaning"_a, "functions"_a = py::none(),
      "The model without calls of its functions, and (call, reason) of those that stay.");
  m.def("body_model", &body_model_of, "model"_a, "node"_a, "attribute"_a, "types"_a = TypeNames{},
        "more"_a = std::vector<std::string>{},
        "A body of a node as a model: (model, own inputs, captured values, outputs).");
  m.def("take_apart", &take_apart, "model"_a, "control"_a, "max_unroll"_a,
        "fallback"_a = py::none(), "Known sequences as their items, and known turns as nodes.");
  m.attr("CALLED_FROM") = std::string(kCalledFrom);
}

}  // namespace pot
