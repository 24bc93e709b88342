// Edits of what goes in and out of a graph, and of the types that are declared for its values.

#include <algorithm>

#include "ir/graph.h"
#include "ir/model.h"

namespace pot {

void Graph::index_infos() {
  for (Value& value : values_) {
    value.is_input = value.is_output = false;
    value.input_index = value.output_index = value.info_index = -1;
  }
  const auto index = [this](const std::vector<ValueInfo>& list, auto member) {
    for (std::size_t i = list.size(); i-- > 0;) {  // backwards, so that the first one counts
      if (list[i].value) values_[list[i].value.index].*member = static_cast<std::ptrdiff_t>(i);
    }
  };
  index(inputs_, &Value::input_index);
  index(outputs_, &Value::output_index);
  index(infos_, &Value::info_index);
  for (Value& value : values_) {
    value.is_input = value.input_index >= 0;
    value.is_output = value.output_index >= 0;
  }
}

void Graph::put(std::vector<ValueInfo>& list, ValueId value, TypeRef type,
                std::optional<std::size_t> position) {
  ValueInfo info;
  info.value = value;
  info.type = std::move(type);
  const std::size_t at = std::min(position.value_or(list.size()), list.size());
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), std::move(info));
  index_infos();
  changed();
}

void Graph::drop(std::vector<ValueInfo>& list, ValueId value) {
  if (std::erase_if(list, [&](const ValueInfo& info) { return info.value == value; }) == 0) return;
  index_infos();
  changed();
}

void Graph::add_input(ValueId value, TypeRef type, std::optional<std::size_t> position) {
  put(inputs_, value, std::move(type), position);
}

void Graph::add_output(ValueId value, TypeRef type, std::optional<std::size_t> position) {
  put(outputs_, value, std::move(type), position);
}

void Graph::remove_input(ValueId value) { drop(inputs_, value); }
void Graph::remove_output(ValueId value) { drop(outputs_, value); }
void Graph::remove_value_info(ValueId value) { drop(infos_, value); }

Status Graph::order(std::vector<ValueInfo>& list, std::span<const ValueId> values,
                    const char* what) {
  std::vector<ValueInfo> ordered;
  std::vector<bool> taken(list.size());
  for (const ValueId value : values) {
    const auto found = std::ranges::find(list, value, &ValueInfo::value);
    const auto place = static_cast<std::size_t>(found - list.begin());
    if (found == list.end() || taken[place]) break;
    taken[place] = true;
    ordered.push_back(*found);
  }
  if (ordered.size() != list.size() || values.size() != list.size()) {
    return Error{.kind = Error::Kind::request,
                 .message = "the new order of " + std::string(what) + "s has to name each of the " +
                            std::to_string(list.size()) + " once"};
  }
  list = std::move(ordered);
  index_infos();
  changed();
  return ok_status();
}

Status Graph::order_inputs(std::span<const ValueId> values) {
  return order(inputs_, values, "input");
}

Status Graph::order_outputs(std::span<const ValueId> values) {
  return order(outputs_, values, "output");
}

void Graph::clear_outputs() {
  outputs_.clear();
  index_infos();
  changed();
}

void Graph::set_type(ValueId value, TypeRef type) {
  bool declared = false;
  for (auto* list : {&inputs_, &outputs_}) {
    for (ValueInfo& info : *list) {
      if (info.value != value) continue;
      info.type = type;
      info.source.reset();
      declared = true;
    }
  }
  if (!type || declared) {
    drop(infos_, value);
  } else if (const auto at = this->value(value).info_index; at >= 0) {
    ValueInfo& info = infos_[static_cast<std::size_t>(at)];
    info.type = std::move(type);
    info.source.reset();
  } else {
    put(infos_, value, std::move(type), std::nullopt);
  }
  changed();
}

void Graph::set_value_infos(std::span<const std::pair<ValueId, TypeRef>> types) {
  std::vector<ValueInfo> list;
  list.reserve(types.size());
  for (const auto& [id, type] : types) {
    assert(type);
    const std::ptrdiff_t at = value(id).info_index;
    ValueInfo& info = list.emplace_back();
    if (at >= 0) info = infos_[static_cast<std::size_t>(at)];
    info.value = id;
    if (info.type && type_text(info.type.get()) == type_text(type.get())) continue;
    info.type = type;
    info.source.reset();
  }
  infos_ = std::move(list);
  index_infos();
  changed();
}

void Graph::set_value_doc_string(ValueId value, Text text) {
  for (auto* list : {&inputs_, &outputs_, &infos_}) {
    for (ValueInfo& info : *list) {
      if (info.value != value) continue;
      info.doc_string = text;
      info.source.reset();
      changed();
    }
  }
}

std::string_view Graph::value_doc_string(ValueId id) const noexcept {
  for (const auto* list : {&inputs_, &outputs_, &infos_}) {
    const auto found = std::ranges::find(*list, id, &ValueInfo::value);
    if (found != list->end()) return found->doc_string;
  }
  return {};
}

}  // namespace pot
