#include "base/access.h"

#include <sys/mman.h>

namespace pot {

void expect_access(ByteView mapped, Access access) noexcept {
  if (mapped.empty()) return;
  const int advice = access == Access::scattered ? MADV_RANDOM : MADV_NORMAL;
  (void)::madvise(const_cast<std::byte*>(mapped.data()), mapped.size(), advice);
}

}  // namespace pot
