// Any bytes either load or give an Error. What loads is written back as it was; written anew, it
// loads again and is then stable.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ir/load.h"
#include "ir/print.h"
#include "ir/save.h"
#include "ir/verify.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

pot::Result<pot::ModelPtr> load(const std::string& bytes) {
  return pot::load_model(pot::Bytes{pot::as_bytes(bytes), nullptr}, "");
}

std::string written(const pot::Model& model) {
  auto bytes = pot::model_bytes(model, pot::Weights::keep, "");
  require(bytes.ok(), "a small model can be written");
  return std::move(bytes).value();
}

void read_everything(const pot::Model& model) {
  (void)pot::verify(model);
  (void)pot::graph_text(model.graph());
  pot::for_each_tensor(model, [](const pot::Tensor& tensor) {
    (void)tensor.data();
    (void)tensor.strings();
    (void)tensor.file_range();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  auto loaded = load(input);
  if (!loaded) {
    require(!loaded.error().message.empty(), "an error has a text");
    return 0;
  }
  pot::Model& model = *loaded.value();
  require(written(model) == input, "untouched means the same bytes");
  read_everything(model);
  const auto copy = model.copy();
  model.touch_all();
  const std::string anew = written(model);
  require(written(*copy) == input, "a copy is not touched with its original");
  auto again = load(anew);
  require(again.ok(), "what was written can be read");
  again.value()->touch_all();
  require(written(*again.value()) == anew, "writing anew is stable");
  return 0;
}
