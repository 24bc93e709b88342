#include "bind/fallback.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ir/load.h"
#include "ir/save.h"
#include "passes/single_node.h"

namespace py = pybind11;

namespace pot {
namespace {

/// Nothing where the callable returned None, or bytes that are no model.
std::optional<std::string> call(const py::object& callable, const std::string& model) {
  const py::gil_scoped_acquire locked;
  const py::object answer = callable(py::bytes(model));
  if (answer.is_none()) return std::nullopt;
  return std::string(py::cast<py::bytes>(answer));
}

std::vector<Fact> ask(const py::object& callable, const NodeFacts& at) {
  const std::optional<SingleNode> asked = single_node(at);
  if (!asked) return {};
  const auto bytes = model_bytes(*asked->model, Weights::inside, "");
  if (!bytes) return {};
  const auto answer = call(callable, bytes.value());
  if (!answer) return {};
  const auto owner = std::make_shared<const std::string>(*answer);
  const auto model = load_model(Bytes{as_bytes(*owner), owner}, "");
  return model ? read_answer(at, *asked, *model.value()) : std::vector<Fact>{};
}

}  // namespace

Fallback fallback_of(const py::object& callable,
                     std::function<void(const NodeFacts& at)> answered) {
  if (callable.is_none()) return {};
  return [callable, answered = std::move(answered)](const NodeFacts& at) -> Inferred {
    std::vector<Fact> facts = ask(callable, at);
    const auto known = [](const Fact& fact) { return fact.kind != Fact::Kind::unknown; };
    if (answered && std::ranges::any_of(facts, known)) answered(at);
    return facts;
  };
}

}  // namespace pot
