// kernels::permute against its slow twin: every order, repeats, steps, runs backwards.

#include <algorithm>
#include <numeric>
#include <vector>

#include "check.h"
#include "kernels/permute.h"
#include "reference/slow_permute.h"

namespace {

using pot::ByteView;
using pot::kernels::permute;
using pot::kernels::StridedView;

std::vector<std::byte> numbered(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

std::vector<std::int64_t> dense_strides(const std::vector<std::int64_t>& dims,
                                        std::size_t element) {
  std::vector<std::int64_t> strides(dims.size());
  auto next = static_cast<std::int64_t>(element);
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = next;
    next *= dims[i];
  }
  return strides;
}

bool agrees(const std::vector<std::int64_t>& dims, const std::vector<std::int64_t>& strides,
            std::int64_t offset, std::size_t element, const std::vector<std::byte>& from) {
  const StridedView view{dims, strides, offset, element};
  const std::vector<std::byte> expected = pot::reference::slow_permute(view, from);
  std::vector<std::byte> got(expected.size());
  permute(view, from, got);
  return got == expected;
}

TEST(every_order_of_four_axes) {
  const std::vector<std::int64_t> dims{3, 40, 1, 35};
  std::vector<std::size_t> order{0, 1, 2, 3};
  for (const std::size_t element : {1U, 2U, 4U, 8U, 16U}) {
    const auto bytes = numbered(3 * 40 * 35 * element);
    const auto strides = dense_strides(dims, element);
    do {
      std::vector<std::int64_t> to_dims, to_strides;
      for (const std::size_t axis : order) {
        to_dims.push_back(dims[axis]);
        to_strides.push_back(strides[axis]);
      }
      CHECK(agrees(to_dims, to_strides, 0, element, bytes));
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST(repeats_steps_and_runs_backwards) {
  const auto bytes = numbered(24 * 4);
  CHECK(agrees({5, 24}, {0, 4}, 0, 4, bytes));
  CHECK(agrees({24, 5}, {4, 0}, 0, 4, bytes));
  CHECK(agrees({24}, {-4}, 23 * 4, 4, bytes));
  CHECK(agrees({4, 3}, {24, -8}, 16, 4, bytes));
  CHECK(agrees({2, 0, 3}, {4, 4, 4}, 0, 4, bytes));
}

TEST(a_scalar_and_nothing) {
  const auto bytes = numbered(8);
  CHECK(agrees({}, {}, 4, 4, bytes));
  CHECK(agrees({1, 1}, {4, 4}, 0, 4, bytes));
  CHECK(agrees({0}, {4}, 0, 4, {}));
}

}  // namespace
