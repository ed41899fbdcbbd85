#include "find.h"

#include <algorithm>
#include <utility>

namespace assent {

namespace {

constexpr uint64_t LARGEST_SAMPLE = uint64_t(1) << 22;  // rows; 32 MB of buckets at most

// Binary searches side by side, so that their cache misses overlap, and without a jump that depends on what they see:
// the first place among first .. first + length that is not below what search i looks for. below(i, place) is called
// for places before `end` only, fetch(place) one round ahead.
struct Searches {
    uint64_t first[RowFinder::GROUP], length[RowFinder::GROUP];

    template <class Below, class Fetch>
    void run(size_t count, uint64_t end, const Below &below, const Fetch &fetch) {
        uint64_t longest = 0;
        for (size_t i = 0; i < count; i++) {
            longest = std::max(longest, length[i]);
            fetch(std::min(first[i] + length[i] / 2, end - 1));
        }
        for (; longest != 0; longest /= 2) {
            for (size_t i = 0; i < count; i++) {
                const uint64_t half = length[i] / 2;
                const bool above = (length[i] != 0) & below(i, std::min(first[i] + half, end - 1));
                first[i] += above ? half + 1 : 0;
                length[i] = above ? length[i] - half - 1 : half;
                fetch(std::min(first[i] + length[i] / 2, end - 1));
            }
        }
    }
};

uint64_t step_for(uint64_t rows, uint64_t wanted) {
    uint64_t step = 1;
    while (rows / step > std::min(2 * wanted, LARGEST_SAMPLE)) step *= 2;
    return step;
}

}  // namespace

RowFinder::RowFinder(const assent_rows &sorted, uint64_t wanted)
    : rows_(sorted),
      step_(step_for(sorted.rows, wanted)),
      sampled_((sorted.rows + step_ - 1) / step_),
      bucket_(size_t(2 * sampled_ + 3)) {
    if (sampled_ == 0) return;
    // As many buckets as sampled rows, or up to twice as many: the scale is a power of two.
    lowest_ = prefix(0);
    const uint64_t range = prefix((sampled_ - 1) * step_) - lowest_;
    while (range >> shift_ >= 2 * sampled_) shift_++;
    buckets_ = size_t(range >> shift_) + 1;
    size_t next = 0;
    for (uint64_t i = 0; i < sampled_; i++) {
        for (const size_t bucket = bucket_of(prefix(i * step_)); next <= bucket; next++) bucket_[next] = uint32_t(i);
    }
    while (next <= buckets_) bucket_[next++] = uint32_t(sampled_);
}

uint64_t RowFinder::prefix(uint64_t place) const { return prefix_of(row_at(rows_, place), rows_.width); }

// In range whatever the prefix is, even where the rows do not ascend.
size_t RowFinder::bucket_of(uint64_t prefix) const {
    return std::min(size_t((prefix - lowest_) >> shift_), buckets_ - 1);
}

void RowFinder::find(const assent_rows &keys, uint64_t first, size_t count, int64_t *places) const {
    if (rows_.rows == 0) {
        std::fill(places, places + count, -1);
        return;
    }
    uint64_t prefixes[GROUP];
    for (size_t i = 0; i < count; i++) {
        prefixes[i] = std::max(prefix_of(row_at(keys, first + i), rows_.width), lowest_);
        __builtin_prefetch(&bucket_[bucket_of(prefixes[i])]);
    }
    // Where the first row lies whose prefix is not below the key's: behind the last sampled row of the buckets before,
    // not behind the first one of the buckets after.
    Searches searches;
    for (size_t i = 0; i < count; i++) {
        const size_t bucket = bucket_of(prefixes[i]);
        const uint64_t first_sampled = bucket_[bucket], end_sampled = bucket_[bucket + 1];
        searches.first[i] = first_sampled == 0 ? 0 : (first_sampled - 1) * step_ + 1;
        searches.length[i] = std::min(end_sampled * step_, rows_.rows) - searches.first[i];
    }
    searches.run(
        count, rows_.rows, [&](size_t i, uint64_t place) { return prefix(place) < prefixes[i]; },
        [&](uint64_t place) { __builtin_prefetch(row_at(rows_, place)); });
    for (size_t i = 0; i < count; i++) places[i] = find_from(searches.first[i], row_at(keys, first + i));
}

// The first row equal to the key, given the first whose prefix is not below the key's.
int64_t RowFinder::find_from(uint64_t place, const uint8_t *key) const {
    const auto compare = [&](uint64_t row) {
        return row < rows_.rows ? std::memcmp(row_at(rows_, row), key, rows_.width) : 1;
    };
    int order = compare(place);
    if (order < 0) {  // some rows have the key's prefix and lie below it
        uint64_t step = 1;
        while (compare(place + step) < 0) place += std::exchange(step, 2 * step);
        for (; step > 1; step /= 2) {  // place lies below the key, place + step does not
            if (compare(place + step / 2) < 0) place += step / 2;
        }
        order = compare(++place);
    }
    return order == 0 ? int64_t(place) : -1;
}

}  // namespace assent
