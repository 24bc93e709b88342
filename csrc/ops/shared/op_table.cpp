#include "ops/shared/op_table.h"

#include <cassert>

#include "op_families.inc"

namespace pot {
namespace {

OpTable::Key key_of(std::string_view domain, std::string_view op_type) {
  return {std::string(domain == "ai.onnx" ? "" : domain), std::string(op_type)};
}

}  // namespace

std::string_view to_text(Accumulation accumulation) noexcept {
  switch (accumulation) {
    case Accumulation::none:
      return "none";
    case Accumulation::matmul:
      return "matmul";
    case Accumulation::conv:
      return "conv";
    case Accumulation::conv_transpose:
      return "conv_transpose";
    case Accumulation::reduce:
      return "reduce";
    case Accumulation::pool:
      return "pool";
    case Accumulation::norm:
      return "norm";
    case Accumulation::softmax:
      return "softmax";
    case Accumulation::recurrent:
      return "recurrent";
    case Accumulation::scan:
      return "scan";
    case Accumulation::einsum:
      return "einsum";
    case Accumulation::attention:
      return "attention";
    case Accumulation::interpolate:
      return "interpolate";
    case Accumulation::fourier:
      return "fourier";
    case Accumulation::scatter:
      return "scatter";
  }
  assert(false && "an Accumulation without a text");
  return "none";
}

void OpTable::add(std::string_view op_type, const OpEntry& entry, std::string_view domain) {
  [[maybe_unused]] const bool added = entries_.emplace(key_of(domain, op_type), entry).second;
  assert(added && "an operator is registered twice");
}

void OpTable::add(std::initializer_list<std::string_view> op_types, const OpEntry& entry,
                  std::string_view domain) {
  for (const auto op_type : op_types) add(op_type, entry, domain);
}

void OpTable::add_fold(std::initializer_list<std::string_view> op_types, FoldRule rule,
                       std::string_view domain) {
  for (const auto op_type : op_types) {
    [[maybe_unused]] const bool added = folds_.emplace(key_of(domain, op_type), rule).second;
    assert(added && "two fold rules for one operator");
  }
}

FoldRule OpTable::find_fold(std::string_view domain, std::string_view op_type) const {
  const auto at = folds_.find(key_of(domain, op_type));
  return at == folds_.end() ? nullptr : at->second;
}

const OpEntry* OpTable::find(std::string_view domain, std::string_view op_type) const {
  const auto at = entries_.find(key_of(domain, op_type));
  return at == entries_.end() ? nullptr : &at->second;
}

const OpTable& op_table() {
  static const OpTable table = [] {
    OpTable built;
    register_all(built);
    return built;
  }();
  return table;
}

}  // namespace pot
