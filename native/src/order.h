// The ascending order of rows.
#pragma once

#include "rows.h"

namespace assent {

// order[i] = the row at place i of the stable ascending order by all bytes of the rows. Takes 32 bytes of memory a row;
// throws std::bad_alloc.
void order_rows(const assent_rows &rows, uint32_t threads, int64_t *order);

}  // namespace assent
