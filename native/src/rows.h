// Rows of bytes that lie at one distance from each other, compared as byte strings.
#pragma once

#include "api.h"
#include "bytes.h"

namespace assent {

constexpr size_t PREFIX_BYTES = 8;

inline const uint8_t *row_at(const assent_rows &rows, uint64_t i) { return rows.bytes + i * rows.stride; }

// The leading bytes as a number that orders as they do; zeros stand for what a shorter row lacks.
inline uint64_t prefix_of(const uint8_t *row, size_t width) {
    if (width >= PREFIX_BYTES) return load64_be(row);
    uint8_t padded[PREFIX_BYTES] = {0};
    copy_bytes(padded, row, width);
    return load64_be(padded);
}

// How the bytes behind equal prefixes compare: below, at or above zero.
inline int compare_tails(const uint8_t *a, const uint8_t *b, size_t width) {
    if (width <= PREFIX_BYTES) return 0;
    return std::memcmp(a + PREFIX_BYTES, b + PREFIX_BYTES, width - PREFIX_BYTES);
}

}  // namespace assent
