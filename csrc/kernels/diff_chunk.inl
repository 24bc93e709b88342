// diff_stats over one chunk: which source, block after block.
// No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

template <class Source>
void add_whole(const Chunk& chunk, DiffStats& stats) noexcept {
  constexpr std::size_t kBytes = sizeof(typename Source::Raw);
  for (std::uint64_t done = 0; done < chunk.count; done += kBlock) {
    const View raw{chunk.ref + done * kBytes, chunk.got + done * kBytes,
                   std::min<std::uint64_t>(kBlock, chunk.count - done), chunk.first + done};
    add_block<Source>(raw, stats);
  }
}

template <class Source, int kBits>
void add_small(const Chunk& chunk, DiffStats& stats) noexcept {
  if (chunk.packing == Packing::whole) return add_whole<Source>(chunk, stats);
  Buffers<std::byte> bytes;
  for (std::uint64_t done = 0; done < chunk.count; done += kBlock) {
    const std::uint64_t offset = done * kBits / 8;
    const View packed{chunk.ref + offset, chunk.got + offset,
                      std::min<std::uint64_t>(kBlock, chunk.count - done), chunk.first + done};
    unpack<kBits>(packed.ref, packed.count, bytes.ref.data());
    unpack<kBits>(packed.got, packed.count, bytes.got.data());
    add_block<Source>(bytes.view(packed), stats);
  }
}

}  // namespace

void add_chunk(const Chunk& chunk, DiffStats& stats) noexcept {
  switch (chunk.element) {
    case Element::float32:
#if POT_VECTOR_BYTES > 16
      return add_floats(chunk, stats);
#else
      return add_whole<Float32>(chunk, stats);
#endif
    case Element::float64:
      return add_whole<Float64>(chunk, stats);
    case Element::float16:
      return add_whole<Float16>(chunk, stats);
    case Element::bfloat16:
      return add_whole<BFloat16>(chunk, stats);
    case Element::float8e4m3fn:
      return add_whole<Float8E4M3FN>(chunk, stats);
    case Element::float8e4m3fnuz:
      return add_whole<Float8E4M3FNUZ>(chunk, stats);
    case Element::float8e5m2:
      return add_whole<Float8E5M2>(chunk, stats);
    case Element::float8e5m2fnuz:
      return add_whole<Float8E5M2FNUZ>(chunk, stats);
    case Element::float8e8m0:
      return add_whole<Float8E8M0>(chunk, stats);
    case Element::float6e2m3:
      return add_whole<Float6E2M3>(chunk, stats);
    case Element::float6e3m2:
      return add_whole<Float6E3M2>(chunk, stats);
    case Element::float4e2m1:
      return add_small<Float4E2M1, 4>(chunk, stats);
    case Element::int8:
      return add_whole<Integer<std::int8_t, float>>(chunk, stats);
    case Element::int16:
      return add_whole<Integer<std::int16_t, float>>(chunk, stats);
    case Element::int32:
      return add_whole<Integer<std::int32_t, double>>(chunk, stats);
    case Element::int64:
      return add_whole<Integer<std::int64_t, double>>(chunk, stats);
    case Element::uint8:
      return add_whole<Integer<std::uint8_t, float>>(chunk, stats);
    case Element::uint16:
      return add_whole<Integer<std::uint16_t, float>>(chunk, stats);
    case Element::uint32:
      return add_whole<Integer<std::uint32_t, double>>(chunk, stats);
    case Element::uint64:
      return add_whole<Integer<std::uint64_t, double>>(chunk, stats);
    case Element::int4:
      return add_small<SmallInteger<4, true>, 4>(chunk, stats);
    case Element::uint4:
      return add_small<SmallInteger<4, false>, 4>(chunk, stats);
    case Element::int2:
      return add_small<SmallInteger<2, true>, 2>(chunk, stats);
    case Element::uint2:
      return add_small<SmallInteger<2, false>, 2>(chunk, stats);
    case Element::boolean:
      return add_whole<Boolean>(chunk, stats);
    case Element::complex64:
      return add_complex<Float32>(chunk, stats);
    case Element::complex128:
      return add_complex<Float64>(chunk, stats);
  }
}

}  // namespace pot::kernels::POT_TARGET
