// Whatever loads can be specialized, or gives an Error: a sound model stays sound, with its inputs
// and outputs, and specializing it again does no harm.

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
#include "passes/specialize.h"

namespace {

using pot::fuzz::names;
using pot::fuzz::require;

/// A small number for every size that is open; the first byte of the file says which.
pot::SpecializeOptions options_for(const pot::Model& model, std::uint8_t salt) {
  pot::SpecializeOptions options;
  options.max_unroll = 4;
  options.value_info = true;
  const pot::Graph& graph = model.graph();
  std::int64_t next = salt % 3;
  for (const pot::ValueInfo& info : graph.inputs()) {
    const pot::TypeRef type = info.type;
    if (!type || type->kind != pot::Type::Kind::tensor || !type->shape) continue;
    for (const pot::Dim& dim : type->shape->dims) {
      const std::string* symbol = dim.symbol();
      if (symbol && !symbol->empty() && salt % 4 != 0) options.dims.emplace(*symbol, next++ % 5);
    }
  }
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
  auto made = pot::specialize(model, options_for(model, salt));
  if (!made) {
    require(!made.error().message.empty(), "an error has a text");
    return 0;
  }
  const pot::Model& result = *made.value().model;
  require(!sound || pot::verify(result).empty(), "a sound model stays sound");
  require(names(model.graph(), model.graph().outputs()) ==
              names(result.graph(), result.graph().outputs()),
          "outputs stay");
  require(pot::model_bytes(result, pot::Weights::keep, "").ok(), "it can be written");
  require(!sound || pot::specialize(result, {}).ok(), "it can be specialized again");
  return 0;
}
