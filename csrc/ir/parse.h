#pragma once
// The parts of the loader. Each reads one message with a reader that stands on it; errors are
// kept by the reader's document. Reading into a message that has fields merges, as protobuf does.

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/mapped_file.h"
#include "ir/attribute.h"
#include "ir/graph.h"
#include "ir/model.h"
#include "wire/reader.h"

namespace pot {

class DataFiles;

/// What every part needs to know of the document.
struct ParseContext {
  Owner owner;
  std::shared_ptr<const MappedFile> file;  ///< null when from memory
  std::shared_ptr<DataFiles> files;        ///< null when there is no folder to look in

  [[nodiscard]] Bytes bytes(ByteView view) const { return {view, owner}; }
  void keep(Rest& rest, const Reader& reader) const { rest.append(bytes(reader.field())); }
};

void parse_type(Reader& reader, const ParseContext& context, Type& type);
void parse_tensor(Reader& reader, const ParseContext& context, Tensor& tensor);
void parse_sparse_tensor(Reader& reader, const ParseContext& context, SparseTensor& sparse);
void parse_attribute(Reader& reader, const ParseContext& context, Attribute& attribute);
void parse_graph(Reader& reader, const ParseContext& context, Graph& graph);
void parse_opset(Reader& reader, const ParseContext& context, OpsetImport& import);
void parse_function(Reader& reader, const ParseContext& context, Function& function);

/// Reads the message in the reader's current field. A second one for the same slot is merged into
/// it, and then no single span is its source any more.
template <class T, class Parse>
void parse_shared(Reader& reader, const ParseContext& context, Field field, std::ptrdiff_t index,
                  std::shared_ptr<const T>& slot, Parse&& parse) {
  auto message = slot ? std::make_shared<T>(*slot) : std::make_shared<T>();
  message->source = slot ? std::nullopt : std::optional(context.bytes(reader.payload()));
  Reader inside = reader.nested(field, index);
  parse(inside, context, *message);
  slot = std::move(message);
}

/// The same for one more element of a repeated field.
template <class T, class Parse>
void parse_element(Reader& reader, const ParseContext& context, Field field, std::vector<T>& list,
                   Parse&& parse) {
  const auto index = static_cast<std::ptrdiff_t>(list.size());
  T& element = list.emplace_back();
  element.source = context.bytes(reader.payload());
  Reader inside = reader.nested(field, index);
  parse(inside, context, element);
}

template <class T, class Parse>
void parse_element(Reader& reader, const ParseContext& context, Field field,
                   std::vector<std::shared_ptr<const T>>& list, Parse&& parse) {
  std::shared_ptr<const T> element;
  parse_shared(reader, context, field, static_cast<std::ptrdiff_t>(list.size()), element, parse);
  list.push_back(std::move(element));
}

}  // namespace pot
