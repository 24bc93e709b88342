#include "ir/message.h"

#include "wire/fields.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace pot {

void Rest::append(const Bytes& field) {
  if (!fields_) {
    fields_ = std::make_shared<std::vector<Bytes>>();
  } else if (fields_.use_count() != 1) {
    fields_ = std::make_shared<std::vector<Bytes>>(*fields_);
  }
  if (!fields_->empty()) {
    Bytes& last = fields_->back();
    const bool adjacent = last.view.data() + last.view.size() == field.view.data();
    if (adjacent && last.owner == field.owner) {
      last.view = ByteView(last.view.data(), last.view.size() + field.view.size());
      return;
    }
  }
  fields_->push_back(field);
}

Rest Rest::without(std::uint32_t number) const {
  Rest out;
  for (const Bytes& span : spans()) {
    Document document{{}, span.view, {}};
    Reader reader(document, "rest");
    while (reader.next()) {
      if (reader.number() != number) out.append({reader.field(), span.owner});
    }
  }
  return out;
}

std::vector<MetadataEntry> read_metadata(const Rest& rest, std::uint32_t number) {
  std::vector<MetadataEntry> entries;
  const Field field{number, "metadata_props"};
  for (const Bytes& span : rest.spans()) {
    Document document{{}, span.view, {}};
    Reader reader(document, "rest");
    while (reader.next()) {
      if (reader.tag() != len_tag(field)) continue;
      MetadataEntry& entry = entries.emplace_back();
      Reader inside = reader.nested(field);
      while (inside.next()) {
        if (inside.tag() == len_tag(fields::entry::key)) entry.first = inside.text();
        if (inside.tag() == len_tag(fields::entry::value)) entry.second = inside.text();
      }
    }
  }
  return entries;
}

Rest with_metadata(const Rest& rest, std::uint32_t number, std::span<const MetadataEntry> entries) {
  const Field field{number, "metadata_props"};
  Writer writer;
  for (const auto& entry : entries) {  // clang 14 cannot capture a structured binding
    writer.message(field, [&] {
      writer.text(fields::entry::key, entry.first);
      writer.text(fields::entry::value, entry.second);
    });
  }
  Rest out = rest.without(number);
  if (entries.empty()) return out;
  auto owned = std::make_shared<const std::string>(writer.to_string());
  const ByteView view = as_bytes(*owned);
  out.append({view, std::move(owned)});
  return out;
}

}  // namespace pot
