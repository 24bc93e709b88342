// Whatever loads can be stored in other layouts, or gives an Error: a sound model stays sound, with
// its inputs and outputs, and no more bytes are moved than before unless the border asks for it.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "fuzz/rewritten.h"
#include "ir/load.h"
#include "ir/save.h"
#include "ir/verify.h"
#include "passes/layout/change_layout.h"

namespace {

using pot::fuzz::names;
using pot::fuzz::require;

/// Inputs that are no weights: a weight that is listed as one may be stored otherwise.
std::vector<std::string> fed(const pot::Graph& graph) {
  std::vector<std::string> out;
  for (const pot::ValueInfo& info : graph.inputs()) {
    if (!graph.value(info.value).initializer) out.emplace_back(graph.value_name(info.value));
  }
  return out;
}

/// One of the ways in which a user may ask; a byte of the file says which.
pot::LayoutOptions options_for(const pot::Model& model, std::uint8_t salt) {
  pot::LayoutOptions options;
  if (salt % 4 == 1) options.to = pot::LayoutOptions::To::channels_last;
  options.only_cancel = salt % 8 == 2;
  options.expand = salt % 8 == 3;
  options.filters = static_cast<pot::FilterLayout>(salt % 3);
  if (salt % 16 >= 12) {
    const pot::Graph& graph = model.graph();
    for (const std::string& name : names(graph, graph.inputs())) {
      options.io.emplace(name, pot::NamedLayout::nhwc);
      break;
    }
  }
  if (salt >= 224) options.target_costs.push_back({"Softmax", pot::NamedLayout::nchw, 3.0});
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  auto loaded = pot::load_model(pot::Bytes{pot::as_bytes(input), nullptr}, "");
  if (!loaded) return 0;
  const pot::Model& model = *loaded.value();
  const bool sound = pot::verify(model).empty();
  const std::uint8_t salt = size == 0 ? std::uint8_t{0} : data[size / 2];
  const pot::LayoutOptions options = options_for(model, salt);
  auto made = pot::change_layout(model, options);
  if (!made) {
    require(!made.error().message.empty(), "an error has a text");
    return 0;
  }
  const pot::Model& result = *made.value().model;
  require(!sound || pot::verify(result).empty(), "a sound model stays sound");
  require(fed(model.graph()) == fed(result.graph()), "inputs stay");
  require(names(model.graph(), model.graph().outputs()) ==
              names(result.graph(), result.graph().outputs()),
          "outputs stay");
  require(pot::model_bytes(result, pot::Weights::keep, "").ok(), "it can be written");
  const pot::LayoutPlan& plan = made.value().plan;
  const bool free = options.io.empty() && options.target_costs.empty() && !options.expand &&
                    options.to == pot::LayoutOptions::To::fewest;
  require(!free || plan.after.bytes <= plan.before.bytes, "no more bytes are moved than before");
  require(plan.optimum <= plan.after.bytes, "nothing is below the optimum");
  require(!sound || pot::change_layout(result, {}).ok(), "it can be asked again");
  return 0;
}
