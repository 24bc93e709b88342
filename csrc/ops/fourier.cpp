// Fourier transforms.

#include "ops/op_table.h"

namespace pot {

void register_fourier(OpTable& table) {
  const OpEntry fourier{.traits = {.accumulation = Accumulation::fourier}};
  table.add({"DFT", "STFT"}, fourier);
  table.add({"Irfft", "Rfft"}, fourier, ort_domain);
}

}  // namespace pot
