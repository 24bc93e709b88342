#include "check.h"

#include <cstdio>
#include <exception>

namespace pot::check {
namespace {

int failures = 0;

void run(const Test& test) {
  const int before = failures;
  try {
    test.body();
  } catch (const std::exception& error) {
    fail(std::string(test.name) + " threw: " + error.what(), {__FILE__, __LINE__});
  }
  std::printf("%s %s\n", failures == before ? "ok    " : "FAILED", std::string(test.name).c_str());
}

}  // namespace

std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

void fail(const std::string& message, Place where) {
  ++failures;
  std::fprintf(stderr, "%s:%d: %s\n", where.file, where.line, message.c_str());
}

}  // namespace pot::check

int main() {
  for (const auto& test : pot::check::tests()) pot::check::run(test);
  std::printf("%zu tests, %d failures\n", pot::check::tests().size(), pot::check::failures);
  return pot::check::tests().empty() || pot::check::failures != 0;
}
