#pragma once
// Field number and wire type in one number, as the wire has it: what a parser switches on.

#include <cstdint>

#include "wire/fields.h"

namespace pot {

enum class WireType : std::uint32_t {
  varint = 0,
  fixed64 = 1,
  len = 2,
  group = 3,
  end_group = 4,
  fixed32 = 5,
};

constexpr std::uint32_t tag_of(Field field, WireType type) noexcept {
  return field.number << 3 | static_cast<std::uint32_t>(type);
}

constexpr std::uint32_t varint_tag(Field field) noexcept { return tag_of(field, WireType::varint); }
constexpr std::uint32_t len_tag(Field field) noexcept { return tag_of(field, WireType::len); }
constexpr std::uint32_t fixed32_tag(Field field) noexcept {
  return tag_of(field, WireType::fixed32);
}
constexpr std::uint32_t fixed64_tag(Field field) noexcept {
  return tag_of(field, WireType::fixed64);
}

}  // namespace pot
