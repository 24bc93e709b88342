#pragma once
// Hints to the system of how mapped bytes will be read.

#include "base/bytes.h"

namespace pot {

enum class Access {
  sequential,  ///< neighbours of what is read will be read too (the system's default)
  scattered,   ///< they will not: a few bytes here and there, between weights
};

/// From now on. Pre: `mapped` is the whole view of a MappedFile.
void expect_access(ByteView mapped, Access access) noexcept;

}  // namespace pot
