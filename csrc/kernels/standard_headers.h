#pragma once
// What the .inl files of this folder use. They are compiled inside `#pragma target` regions, where
// nothing may be included.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
