#include "wire/reader.h"

#include <bit>
#include <cstring>

namespace pot {

static_assert(std::endian::native == std::endian::little, "stored elements are used in place");

bool take_varint(ByteView& bytes, std::uint64_t& value) noexcept {
  value = 0;
  const std::size_t most = bytes.size() < 10 ? bytes.size() : 10;
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(bytes[i]);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes = bytes.subspan(i + 1);
      return true;
    }
  }
  return false;
}

bool Reader::next() {
  if (!ok() || at_ == bytes_.size()) return false;
  const std::size_t start = at_;
  field_ = bytes_.subspan(start, 0);
  std::uint64_t tag = 0;
  if (!read_varint(tag, "a field's tag")) return false;
  if (tag > 0xffffffffU || tag < 8) return fail_at(start, "a field number that protobuf forbids");
  tag_ = static_cast<std::uint32_t>(tag);
  if (!read_payload(WireType{tag_ & 7})) return false;
  field_ = bytes_.subspan(start, at_ - start);
  return true;
}

bool Reader::read_varint(std::uint64_t& value, const char* what) {
  ByteView rest = bytes_.subspan(at_);
  if (!take_varint(rest, value)) {
    return fail_at(at_, left() < 10 ? std::string("truncated inside ") + what
                                    : std::string(what) + " of more than 10 bytes");
  }
  at_ = bytes_.size() - rest.size();
  return true;
}

bool Reader::read_payload(WireType type) {
  const std::size_t start = at_;
  std::uint64_t size = 0;
  switch (type) {
    case WireType::varint:
      return read_varint(value_, "a number");
    case WireType::fixed64:
      size = 8;
      break;
    case WireType::fixed32:
      size = 4;
      break;
    case WireType::len:
      if (!read_varint(size, "a length")) return false;
      break;
    case WireType::group:
      return skip_group(tag_ >> 3);
    case WireType::end_group:
    default:
      return fail_at(start, "expected a field, found wire type " + std::to_string(tag_ & 7) +
                                " (field number " + std::to_string(tag_ >> 3) + ")");
  }
  if (size > left()) {
    return fail_at(start, "truncated: field number " + std::to_string(tag_ >> 3) + " announces " +
                              std::to_string(size) + " bytes, " + std::to_string(left()) +
                              " are left");
  }
  payload_ = bytes_.subspan(at_, static_cast<std::size_t>(size));
  at_ += static_cast<std::size_t>(size);
  return true;
}

// Groups are how protobuf 1 nested messages. ONNX has none, but an unknown field may be one.
bool Reader::skip_group(std::uint32_t number) {
  std::vector<std::uint32_t> open{number};
  const std::uint32_t outer = tag_;
  while (!open.empty()) {
    const std::size_t start = at_;
    std::uint64_t tag = 0;
    if (!read_varint(tag, "a group")) return false;
    tag_ = static_cast<std::uint32_t>(tag);
    const WireType type{tag_ & 7};
    if (tag > 0xffffffffU || tag < 8) return fail_at(start, "a field number that protobuf forbids");
    if (type == WireType::end_group) {
      if (open.back() != tag_ >> 3) return fail_at(start, "the end of a group that is not open");
      open.pop_back();
    } else if (type == WireType::group) {
      if (depth_ + static_cast<int>(open.size()) >= kMaxNesting) {
        return fail_at(start, "nested more than " + std::to_string(kMaxNesting) + " deep");
      }
      open.push_back(tag_ >> 3);
    } else if (!read_payload(type)) {
      return false;
    }
  }
  tag_ = outer;
  return true;
}

float Reader::float32() const noexcept {
  float value = 0;
  std::memcpy(&value, payload_.data(), sizeof value);
  return value;
}

Reader Reader::nested(Field field, std::ptrdiff_t index) {
  Reader inside(*this, payload_, field.name, index);
  if (inside.depth_ >= kMaxNesting) {
    inside.fail_at(0, "nested more than " + std::to_string(kMaxNesting) + " deep");
  }
  return inside;
}

void Reader::int64s(Field field, std::vector<std::int64_t>& out) {
  if (tag_ == varint_tag(field)) {
    out.push_back(int64());
    return;
  }
  ByteView elements = payload_;
  while (!elements.empty()) {
    std::uint64_t value = 0;
    if (!take_varint(elements, value)) {
      fail(Error::Kind::malformed, "expected packed numbers, found an unfinished one", field.name);
      return;
    }
    out.push_back(static_cast<std::int64_t>(value));
  }
}

void Reader::floats(Field field, std::vector<float>& out) {
  if (tag_ == fixed32_tag(field)) {
    out.push_back(float32());
    return;
  }
  if (payload_.size() % sizeof(float) != 0) {
    fail(Error::Kind::malformed, "expected packed floats, found a size that 4 does not divide",
         field.name);
    return;
  }
  const std::size_t before = out.size();
  out.resize(before + payload_.size() / sizeof(float));
  if (!payload_.empty()) std::memcpy(out.data() + before, payload_.data(), payload_.size());
}

void Reader::fail(Error::Kind kind, std::string message, std::string_view field) {
  const auto offset = static_cast<std::size_t>(field_.data() - bytes_.data());
  fail_at(offset, std::move(message));
  if (document_.error && document_.error->kind == Error::Kind::malformed) {
    document_.error->kind = kind;
    if (!field.empty()) document_.error->field += "." + std::string(field);
  }
}

bool Reader::fail_at(std::size_t at, std::string message) {
  if (document_.error) return false;
  const auto base = static_cast<std::uint64_t>(bytes_.data() - document_.bytes.data());
  document_.error =
      Error{Error::Kind::malformed, std::move(message), document_.file, base + at, path()};
  return false;
}

std::string Reader::path() const {
  std::string out = parent_ ? parent_->path() + "." + name_ : std::string(name_);
  if (index_ >= 0) out += "[" + std::to_string(index_) + "]";
  return out;
}

}  // namespace pot
