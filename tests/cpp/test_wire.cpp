#include <cstdint>
#include <limits>
#include <string>

#include "check.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace pot {
namespace {

constexpr Field kNumber{1, "number"}, kText{2, "text"}, kInner{3, "inner"}, kFloat{4, "float"};

std::string error_of(const std::string& bytes) {
  Document document{"f", as_bytes(bytes), {}};
  Reader reader(document, "M");
  while (reader.next()) {
    if (reader.tag() != len_tag(kInner)) continue;
    Reader inside = reader.nested(kInner, 7);
    while (inside.next()) {
    }
  }
  return document.error ? document.error->text() : "";
}

TEST(what_is_written_is_read) {
  const std::string large(5000, 'x');  // the writer refers to it
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                     std::numeric_limits<std::uint64_t>::max()}) {
    Writer writer;
    writer.uint64(kNumber, number);
    writer.message(kInner, [&] {
      writer.text(kText, large);
      writer.float32(kFloat, 1.5F);
      writer.message(kInner, [] {});
    });
    const std::string bytes = writer.to_string();
    CHECK_EQ(bytes.size(), writer.size());
    Document document{"", as_bytes(bytes), {}};
    Reader reader(document, "M");
    CHECK(reader.next());
    CHECK_EQ(reader.uint64(), number);
    CHECK(reader.next());
    CHECK_EQ(reader.tag(), len_tag(kInner));
    Reader inside = reader.nested(kInner);
    CHECK(inside.next());
    CHECK_EQ(inside.text().size(), 5000u);
    CHECK(inside.next());
    CHECK_EQ(inside.float32(), 1.5F);
    CHECK(inside.next());
    CHECK(inside.payload().empty());
    CHECK(!inside.next());
    CHECK(!reader.next());
    CHECK(reader.ok());
  }
}

TEST(a_negative_int32_takes_ten_bytes) {
  Writer writer;
  writer.int32(kNumber, -1);
  CHECK_EQ(writer.size(), 11u);
}

TEST(large_spans_are_not_copied) {
  const std::string large(std::size_t{3} << 20, 'x');
  Writer writer;
  writer.text(kText, large);
  bool same = false;
  const auto status = writer.drain([&](ByteView bytes) -> Status {
    same = same || bytes.data() == as_bytes(large).data();
    return ok_status();
  });
  CHECK(status.ok());
  CHECK(same);
}

TEST(a_sink_that_fails_ends_the_writing) {
  Writer writer;
  writer.text(kText, "abc");
  const auto status = writer.drain([](ByteView) -> Status { return Error{.message = "full"}; });
  CHECK_EQ(status.error().message, "full");
}

TEST(errors_say_where) {
  CHECK_EQ(error_of("\x1a\x02\x0a\x05"),
           "f: byte 3 (M.inner[7]): truncated: field number 1 announces 5 bytes, 0 are left");
  CHECK_EQ(error_of("\x1a\x05z"),
           "f: byte 1 (M): truncated: field number 3 announces 5 bytes, 1 are left");
  CHECK_EQ(error_of("\x09zz"),
           "f: byte 1 (M): truncated: field number 1 announces 8 bytes, 2 are left");
  CHECK_EQ(error_of("\x0c"), "f: byte 1 (M): expected a field, found wire type 4 (field number 1)");
}

TEST(groups_are_skipped_whole) {
  CHECK_EQ(error_of("\x0b\x13\x08\x01\x14\x0c"), "");
  CHECK_EQ(error_of(std::string(200, '\x0b')), "f: byte 100 (M): nested more than 100 deep");
}

TEST(packed_and_single_elements_are_the_same) {
  Document document{"", as_bytes("\x08\x05\x0a\x03\x06\xac\x02"), {}};
  Reader reader(document, "M");
  std::vector<std::int64_t> numbers;
  while (reader.next()) reader.int64s(kNumber, numbers);
  CHECK_EQ(numbers.size(), 3u);
  CHECK_EQ(numbers.back(), 300);
}

}  // namespace
}  // namespace pot
