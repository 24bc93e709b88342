#include "kernels/widen.h"

#include <cassert>

#include "kernels/standard_headers.h"

#define POT_TARGET baseline
#include "kernels/sources.inl"

namespace pot::kernels {
namespace {

using namespace baseline;

template <class Source>
void widen_whole(ByteView bytes, std::span<float> out) noexcept {
  using Raw = typename Source::Raw;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = Source::value(load<Raw>(bytes.data(), i));
  }
}

template <class Source, int kBits>
void widen_small(Packing packing, ByteView bytes, std::span<float> out) noexcept {
  if (packing == Packing::whole) return widen_whole<Source>(bytes, out);
  constexpr std::size_t kRun = 1024;
  std::array<std::byte, kRun> codes;
  for (std::size_t done = 0; done < out.size(); done += kRun) {
    const std::span<float> run = out.subspan(done, std::min(kRun, out.size() - done));
    unpack<kBits>(bytes.data() + done * kBits / 8, run.size(), codes.data());
    widen_whole<Source>(codes, run);
  }
}

}  // namespace

bool widens(Element element) noexcept {
  switch (element) {
    case Element::float64:
    case Element::int32:
    case Element::int64:
    case Element::uint32:
    case Element::uint64:
    case Element::complex64:
    case Element::complex128:
      return false;
    default:
      return true;
  }
}

void widen(Element element, Packing packing, ByteView bytes, std::span<float> out) noexcept {
  switch (element) {
    case Element::float32:
      return widen_whole<Float32>(bytes, out);
    case Element::float16:
      return widen_whole<Float16>(bytes, out);
    case Element::bfloat16:
      return widen_whole<BFloat16>(bytes, out);
    case Element::float8e4m3fn:
      return widen_whole<Float8E4M3FN>(bytes, out);
    case Element::float8e4m3fnuz:
      return widen_whole<Float8E4M3FNUZ>(bytes, out);
    case Element::float8e5m2:
      return widen_whole<Float8E5M2>(bytes, out);
    case Element::float8e5m2fnuz:
      return widen_whole<Float8E5M2FNUZ>(bytes, out);
    case Element::float8e8m0:
      return widen_whole<Float8E8M0>(bytes, out);
    case Element::float6e2m3:
      return widen_whole<Float6E2M3>(bytes, out);
    case Element::float6e3m2:
      return widen_whole<Float6E3M2>(bytes, out);
    case Element::float4e2m1:
      return widen_small<Float4E2M1, 4>(packing, bytes, out);
    case Element::int8:
      return widen_whole<Integer<std::int8_t, float>>(bytes, out);
    case Element::int16:
      return widen_whole<Integer<std::int16_t, float>>(bytes, out);
    case Element::uint8:
      return widen_whole<Integer<std::uint8_t, float>>(bytes, out);
    case Element::uint16:
      return widen_whole<Integer<std::uint16_t, float>>(bytes, out);
    case Element::int4:
      return widen_small<SmallInteger<4, true>, 4>(packing, bytes, out);
    case Element::uint4:
      return widen_small<SmallInteger<4, false>, 4>(packing, bytes, out);
    case Element::int2:
      return widen_small<SmallInteger<2, true>, 2>(packing, bytes, out);
    case Element::uint2:
      return widen_small<SmallInteger<2, false>, 2>(packing, bytes, out);
    case Element::boolean:
      return widen_whole<Boolean>(bytes, out);
    default:
      assert(widens(element));
      return;
  }
}

}  // namespace pot::kernels
