// Rows of a column of the caller.
#pragma once

#include "api.h"
#include "bytes.h"

namespace assent {

inline uint64_t column_offset(const assent_column &column, uint64_t i) {
    return column.offset_width == 4 ? load32_le(column.offsets + 4 * i) : load64_le(column.offsets + 8 * i);
}

inline Bytes column_row(const assent_column &column, uint64_t i) {
    if (column.offset_width == 0) return {column.bytes + i * column.width, column.width};
    const uint64_t begin = column_offset(column, i);
    return {column.bytes + begin, size_t(column_offset(column, i + 1) - begin)};
}

// Offsets may come from a file or a socket: none may point outside the bytes. Read as unsigned, a negative one is
// too large. Returns a status, with the row when it is not ASSENT_OK.
inline int32_t check_column(const assent_column &column, uint64_t *row) {
    if (column.offset_width == 0) return ASSENT_OK;
    for (uint64_t i = 0; i < column.rows; i++) {
        const uint64_t begin = column_offset(column, i), end = column_offset(column, i + 1);
        if (begin > end || end > column.bytes_size) {
            *row = i;
            return ASSENT_BAD_OFFSETS;
        }
    }
    return ASSENT_OK;
}

}  // namespace assent
