#pragma once
// A test is a block of CHECKs under a name. Ours, because the C++ side depends on nothing.
//
//   TEST(reads_a_varint) {
//     CHECK(reader.ok());
//     CHECK_EQ(reader.varint(), 300u);
//   }

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace pot::check {

struct Test {
  std::string_view name;
  void (*body)();
};

/// Where a CHECK stands. Not std::source_location: clang 14 lacks it.
struct Place {
  const char* file;
  int line;
};

/// Every TEST of this program, in the order of the file.
std::vector<Test>& tests();

/// Counts a failure and prints it; the test goes on.
void fail(const std::string& message, Place where);

template <class T>
std::string show(const T& value) {
  if constexpr (requires(std::ostream& out) { out << value; }) {
    std::ostringstream out;
    out << std::boolalpha << value;
    return out.str();
  } else {
    return "(a value without a text)";
  }
}

inline void is_true(bool ok, std::string_view text, Place where) {
  if (!ok) fail(std::string(text) + " is false", where);
}

template <class A, class B>
void is_equal(const A& got, const B& want, std::string_view text, Place where) {
  if (!(got == want)) {
    fail(std::string(text) + " is " + show(got) + ", expected " + show(want), where);
  }
}

struct Registration {
  Registration(std::string_view name, void (*body)()) { tests().push_back({name, body}); }
};

}  // namespace pot::check

#define TEST(name)                                                               \
  static void test_##name();                                                     \
  static const pot::check::Registration registration_##name{#name, test_##name}; \
  static void test_##name()

#define POT_HERE \
  pot::check::Place { __FILE__, __LINE__ }
#define CHECK(...) pot::check::is_true(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, POT_HERE)
#define CHECK_EQ(got, want) pot::check::is_equal((got), (want), #got, POT_HERE)
