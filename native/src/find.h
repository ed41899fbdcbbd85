// Equal rows among ascending ones.
#pragma once

#include "rows.h"
#include "scratch.h"

namespace assent {

// Finds rows by their leading 64 bits, scaled between those of the first and the last row into buckets of about one of
// the rows sampled, then by a binary search in the bucket. Any ascending rows will do; the more evenly their prefixes
// lie, the shorter the search.
class RowFinder {
  public:
    static constexpr size_t GROUP = 64;

    // `wanted`: how many rows will be looked for; the number of rows sampled follows it. Throws
    // std::bad_alloc.
    RowFinder(const assent_rows &sorted, uint64_t wanted);

    // places[i] = the first of the sorted rows equal to row first + i of `keys`, or -1; count <= GROUP.
    void find(const assent_rows &keys, uint64_t first, size_t count, int64_t *places) const;

  private:
    uint64_t prefix(uint64_t place) const;
    size_t bucket_of(uint64_t prefix) const;
    int64_t find_from(uint64_t place, const uint8_t *key) const;

    const assent_rows rows_;
    const uint64_t step_;     // between sampled rows
    const uint64_t sampled_;  // rows 0, step, 2 step, ...
    uint64_t lowest_ = 0;
    unsigned shift_ = 0;
    size_t buckets_ = 0;
    Scratch<uint32_t> bucket_;  // which of the sampled rows each bucket begins with, and their number at the end
};

}  // namespace assent
