#include "passes/constant_key.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/hash.h"

namespace pot {
namespace {

constexpr std::size_t kSampleAbove = 64 * 1024;
constexpr std::size_t kSamples = 16;
constexpr std::size_t kSampleBytes = 1024;
constexpr std::uint64_t kManyElements = 64;

std::uint64_t nonzero(std::uint64_t hash) noexcept { return hash == 0 ? 1 : hash; }

/// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t scrambled(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t sampled_hash(ByteView bytes) noexcept {
  if (bytes.size() <= kSampleAbove) return kernels::hash_bytes(bytes);
  std::uint64_t hash = bytes.size();
  const std::size_t last = bytes.size() - kSampleBytes;
  for (std::size_t i = 0; i < kSamples; ++i) {
    hash = mix({hash, kernels::hash_bytes(bytes.subspan(last / (kSamples - 1) * i, kSampleBytes))});
  }
  return mix({hash, kernels::hash_bytes(bytes.last(kSampleBytes))});
}

std::uint64_t shape_key(DType dtype, std::span<const std::int64_t> dims) {
  const std::uint64_t sizes = kernels::hash_bytes(std::as_bytes(dims));
  return mix({static_cast<std::uint64_t>(dtype), dims.size(), sizes});
}

std::uint64_t elements_key(const Tensor& tensor) {
  if (tensor.dtype() == DType::string) {
    const auto strings = tensor.strings();
    if (!strings) return text_key(tensor.name);
    std::uint64_t hash = strings.value().size();
    for (const std::string& text : strings.value()) hash = mix({hash, text_key(text)});
    return hash;
  }
  const auto data = tensor.data();
  return data ? sampled_hash(data.value().view) : text_key(tensor.name);
}

template <class T>
ConstantKey plain_key(DType dtype, std::span<const T> elements, bool scalar) {
  const std::int64_t size = static_cast<std::int64_t>(elements.size());
  const std::span<const std::int64_t> dims(&size, scalar ? 0 : 1);
  const std::uint64_t shape = shape_key(dtype, dims);
  return {nonzero(mix({shape, kernels::hash_bytes(std::as_bytes(elements))})), shape,
          elements.size()};
}

std::uint64_t sparse_key(const SparseTensor& tensor) {
  const std::uint64_t values = tensor.values ? constant_key(*tensor.values).content : 0;
  const std::uint64_t indices = tensor.indices ? constant_key(*tensor.indices).content : 0;
  return nonzero(mix({values, indices, shape_key(DType::undefined, tensor.dims)}));
}

std::uint64_t value_key(float value) { return std::bit_cast<std::uint32_t>(value); }
std::uint64_t value_key(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::uint64_t value_key(const std::string& value) { return text_key(value); }
std::uint64_t value_key(const TensorRef& value) { return value ? constant_key(*value).content : 0; }
std::uint64_t value_key(const GraphPtr& value) { return value ? body_key(*value) : 0; }
std::uint64_t value_key(const SparseTensorRef& value) { return value ? sparse_key(*value) : 0; }
std::uint64_t value_key(const TypeRef& value) { return text_key(type_text(value.get())); }
std::uint64_t value_key(const std::monostate&) { return 0; }

template <class T>
std::uint64_t value_key(const std::vector<T>& values) {
  std::uint64_t hash = values.size();
  for (const T& value : values) hash = mix({hash, value_key(value)});
  return hash;
}

}  // namespace

std::uint64_t mix(std::initializer_list<std::uint64_t> parts) noexcept {
  return kernels::hash_bytes(std::as_bytes(std::span(parts.begin(), parts.size())));
}

std::uint64_t text_key(std::string_view text) noexcept {
  return kernels::hash_bytes(as_bytes(text));
}

ConstantKey constant_key(const Tensor& tensor, LargeBy large) {
  const std::uint64_t shape = shape_key(tensor.dtype(), tensor.dims);
  if (large == LargeBy::place && tensor.nbytes().value_or(0) > kSampleAbove) {
    if (const auto place = tensor.file_range()) {
      return {nonzero(mix({shape, text_key(place->file), place->offset})), shape,
              tensor.count().value_or(0)};
    }
  }
  return {nonzero(mix({shape, elements_key(tensor)})), shape, tensor.count().value_or(0)};
}

ConstantKey constant_key(const Node& node) {
  if (const TensorRef tensor = node.attr_tensor("value")) return constant_key(*tensor);
  for (const Attribute& attribute : node.attributes) {
    if (const auto* ints = attribute.get<std::vector<std::int64_t>>()) {
      return plain_key<std::int64_t>(DType::int64, *ints, false);
    }
    if (const auto* floats = attribute.get<std::vector<float>>()) {
      return plain_key<float>(DType::float32, *floats, false);
    }
    if (const auto* integer = attribute.get<std::int64_t>()) {
      return plain_key<std::int64_t>(DType::int64, {integer, 1}, true);
    }
    if (const auto* number = attribute.get<float>()) {
      return plain_key<float>(DType::float32, {number, 1}, true);
    }
    if (const auto* sparse = attribute.get<SparseTensorRef>(); sparse && *sparse) {
      return {sparse_key(**sparse), shape_key(DType::undefined, (*sparse)->dims), 0};
    }
  }
  std::uint64_t hash = text_key("constant");
  for (const Attribute& attribute : node.attributes) {
    hash = mix({hash, std::visit([](const auto& v) { return value_key(v); }, attribute.value)});
  }
  return {nonzero(hash), 0, 0};
}

TensorRef constant_tensor(const Graph& graph, ValueId constant) {
  if (TensorRef tensor = graph.constant(constant, true)) return tensor;
  const NodeId producer = graph.value(constant).producer;
  return producer ? graph.node(producer).attr_tensor("value") : nullptr;
}

bool nothing_in_common(const TensorRef& ours, const TensorRef& theirs) {
  if (!ours || !theirs || ours->dtype() != theirs->dtype()) return false;
  const std::uint64_t count = ours->count().value_or(0);
  if (count < kManyElements || count != theirs->count()) return false;
  const auto left = ours->data();
  const auto right = theirs->data();
  if (!left || !right || left.value().view.size() != right.value().view.size()) return false;
  const std::size_t width = left.value().view.size() / count;
  if (width == 0) return false;
  for (std::uint64_t i = 0; i < kManyElements; ++i) {
    const std::size_t place = i * (count / kManyElements) * width;
    const ByteView a = left.value().view.subspan(place, width);
    if (std::ranges::equal(a, right.value().view.subspan(place, width))) return false;
  }
  return true;
}

std::uint64_t multiset_key(const Graph& graph, ValueId constant) {
  const TensorRef tensor = constant_tensor(graph, constant);
  const NodeId producer = graph.value(constant).producer;
  if (!tensor) return producer ? constant_key(graph.node(producer)).content : 0;
  const auto data = tensor->data();
  const std::uint64_t count = tensor->count().value_or(0);
  if (!data || count == 0 || data.value().view.size() % count != 0) return elements_key(*tensor);
  const ByteView bytes = data.value().view;
  const std::size_t width = bytes.size() / count;
  std::uint64_t sum = static_cast<std::uint64_t>(tensor->dtype());
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    std::uint64_t element = 0;
    std::memcpy(&element, bytes.data() + i, std::min(width, sizeof element));
    sum += scrambled(element);
  }
  return nonzero(sum);
}

std::uint64_t attributes_key(const Graph& graph, const Node& node) {
  std::vector<std::pair<std::string_view, std::uint64_t>> keys;
  for (const Attribute& attribute : node.attributes) {
    const std::uint64_t value =
        std::visit([](const auto& v) { return value_key(v); }, attribute.value);
    keys.emplace_back(attribute.name,
                      mix({value, attribute.value.index(), text_key(attribute.ref_name)}));
  }
  std::sort(keys.begin(), keys.end());
  std::uint64_t hash = keys.size();
  for (const auto& [name, value] : keys) hash = mix({hash, text_key(name), value});
  if (const Model* model = graph.model()) {
    const Function* called = model->find_function(node.domain, node.op_type, node.overload);
    // A function that calls itself is not valid ONNX; the body's own key would never end.
    if (called && graph.function() != called) hash = mix({hash, body_key(*called->body)});
  }
  return hash;
}

std::uint64_t body_key(const Graph& body) {
  std::unordered_map<std::uint32_t, std::uint64_t> numbers;
  const auto number = [&](ValueId id) -> std::uint64_t {
    if (!id) return 0;
    return numbers.emplace(id.index, numbers.size() + 1).first->second;
  };
  std::uint64_t hash = body.inputs().size();
  for (const ValueInfo& input : body.inputs()) number(input.value);
  for (const TensorRef& tensor : body.initializers()) {
    hash = mix({hash, number(body.find_value(tensor->name)), constant_key(*tensor).content});
  }
  for (const NodeId id : body.nodes()) {
    const Node& node = body.node(id);
    hash = mix({hash, text_key(node.domain), text_key(node.op_type), attributes_key(body, node)});
    for (const ValueId input : node.inputs) hash = mix({hash, number(input)});
    for (const ValueId captured : body.captures(id)) hash = mix({hash, number(captured)});
    for (const ValueId output : node.outputs) hash = mix({hash, number(output)});
  }
  for (const ValueInfo& output : body.outputs()) hash = mix({hash, number(output.value)});
  return hash;
}

}  // namespace pot
