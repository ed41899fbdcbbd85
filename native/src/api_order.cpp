// Rows in order: sorting, gathering, finding, checking.
#include <new>

#include "api.h"
#include "find.h"
#include "order.h"
#include "parallel.h"
#include "rows.h"

using namespace assent;

int32_t assent_order_rows(const assent_rows *rows, uint32_t threads, int64_t *order) {
    try {
        order_rows(*rows, threads, order);
    } catch (const std::bad_alloc &) {
        return ASSENT_NO_MEMORY;
    }
    return ASSENT_OK;
}

int32_t assent_take_rows(const assent_rows *rows, const int64_t *order, uint64_t count, uint32_t threads, uint8_t *out,
                         uint64_t *row) {
    constexpr uint64_t AHEAD = 32;  // rows fetched before they are copied, so that their cache misses overlap
    const size_t width = rows->width;
    return for_each_chunk(count, threads, row, [=](uint64_t first, size_t some) -> Outcome {
        const uint64_t end = first + some;
        for (uint64_t i = first; i < end + AHEAD; i++) {
            if (i < end) {
                if (uint64_t(order[i]) >= rows->rows) return {ASSENT_NO_SUCH_ROW, i};
                const uint8_t *from = row_at(*rows, uint64_t(order[i]));
                __builtin_prefetch(from);
                __builtin_prefetch(from + width - 1);
            }
            if (i < first + AHEAD) continue;
            copy_bytes(out + (i - AHEAD) * width, row_at(*rows, uint64_t(order[i - AHEAD])), width);
        }
        return DONE;
    });
}

int32_t assent_find_rows(const assent_rows *sorted, const assent_rows *wanted, uint32_t threads, int64_t *places) {
    try {
        const RowFinder finder(*sorted, wanted->rows);
        uint64_t never_refused = 0;
        for_each_chunk(wanted->rows, threads, &never_refused, [&](uint64_t first, size_t count) {
            for (uint64_t at = first; at < first + count; at += RowFinder::GROUP) {
                const uint64_t left = first + count - at;
                finder.find(*wanted, at, size_t(left < RowFinder::GROUP ? left : RowFinder::GROUP), places + at);
            }
            return DONE;
        });
    } catch (const std::bad_alloc &) {
        return ASSENT_NO_MEMORY;
    }
    return ASSENT_OK;
}

int64_t assent_first_not_ascending(const assent_rows *rows, const uint8_t *previous) {
    const size_t width = rows->width;
    const uint8_t *before = previous;
    uint64_t prefix_before = before == nullptr ? 0 : prefix_of(before, width);
    for (uint64_t i = 0; i < rows->rows; i++) {
        const uint8_t *row = row_at(*rows, i);
        const uint64_t prefix = prefix_of(row, width);
        if (before != nullptr && prefix <= prefix_before &&
            (prefix < prefix_before || compare_tails(row, before, width) <= 0)) {
            return int64_t(i);
        }
        before = row;
        prefix_before = prefix;
    }
    return -1;
}
