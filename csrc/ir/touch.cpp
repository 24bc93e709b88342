// Forgetting where things were read from, so that they are written from their fields.

#include "ir/graph.h"
#include "ir/model.h"

namespace pot {
namespace {

void touch(TypeRef& type) {
  if (!type) return;
  auto copy = std::make_shared<Type>(*type);
  copy->source.reset();
  touch(copy->inner);
  type = std::move(copy);
}

void touch(TensorRef& tensor) {
  if (!tensor) return;
  auto copy = std::make_shared<Tensor>(*tensor);
  copy->source.reset();
  tensor = std::move(copy);
}

void touch(SparseTensorRef& sparse) {
  if (!sparse) return;
  auto copy = std::make_shared<SparseTensor>(*sparse);
  copy->source.reset();
  touch(copy->values);
  touch(copy->indices);
  sparse = std::move(copy);
}

void touch(GraphPtr& graph) {
  if (graph) graph->touch_all();
}

template <class T>
void touch(std::vector<T>& list);

void touch(std::monostate&) {}
void touch(float&) {}
void touch(std::int64_t&) {}
void touch(std::string&) {}

void touch(Attribute& attribute) {
  attribute.source.reset();
  std::visit([](auto& value) { touch(value); }, attribute.value);
}

void touch(ValueInfo& info) {
  info.source.reset();
  touch(info.type);
}

void touch(OpsetImport& import) { import.source.reset(); }

template <class T>
void touch(std::vector<T>& list) {
  if constexpr (!std::is_arithmetic_v<T> && !std::is_same_v<T, std::string>) {
    for (T& each : list) touch(each);
  }
}

}  // namespace

void Graph::touch_all() {
  for (const NodeId id : listing_) {
    Node& node = *store_[id.index];
    node.source.reset();
    for (Attribute& each : node.attributes) touch(each);
  }
  for (auto* list : {&inputs_, &outputs_, &infos_}) touch(*list);
  touch(initializers_);
  touch(sparse_initializers_);
  for (const TensorRef& each : initializers_) {
    if (const ValueId id = find_value(each->name)) values_[id.index].initializer = each;
  }
  for (const SparseTensorRef& each : sparse_initializers_) {
    const ValueId id = each->values ? find_value(each->values->name) : ValueId{};
    if (id) values_[id.index].sparse_initializer = each;
  }
  changed();
}

void Model::touch_all() {
  graph_->touch_all();
  touch(opsets_);
  for (const auto& function : functions_) {
    function->source.reset();
    touch(function->attribute_defaults);
    touch(function->opset_imports);
    function->body->touch_all();
  }
  changed();
}

}  // namespace pot
