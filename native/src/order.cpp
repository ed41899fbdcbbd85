#include "order.h"

#include <algorithm>
#include <utility>

#include "parallel.h"
#include "scratch.h"

namespace assent {

namespace {

constexpr size_t FEW = 24;          // rows that are compared with each other
constexpr unsigned MOST_BITS = 11;  // of one radix digit

struct Item {
    uint64_t prefix, row;
};

// A radix digit: where a prefix lies between the smallest and the largest of its range.
struct Digit {
    uint64_t lowest;
    unsigned shift;

    size_t operator()(const Item &item) const { return size_t((item.prefix - lowest) >> shift); }
};

// Most significant digit first, out of place: rows keep their order within a digit.
class Order {
  public:
    Order(const assent_rows &rows, int64_t *order) : rows_(rows), order_(order) {}

    void run(uint32_t threads) {
        const size_t count = size_t(rows_.rows);
        Scratch<Item> items(count), others(count);
        for (size_t i = 0; i < count; i++) items[i] = {prefix_of(row_at(rows_, i), rows_.width), i};
        size_t ends[1 << MOST_BITS];
        const size_t digits = split(items.begin(), others.begin(), count, ends);
        if (digits == 0) {
            emit_few(items.begin(), count, order_);
            return;
        }
        uint64_t never_refused = 0;
        for_each_chunk(digits, threads, &never_refused, [&](uint64_t first, size_t some) {
            for (size_t i = first; i < first + some; i++) emit_digit(others.begin(), items.begin(), ends, i, order_);
            return DONE;
        });
    }

  private:
    // Writes the rows of items in order; both arrays are used up.
    void emit(Item *items, Item *others, size_t count, int64_t *order) const {
        size_t ends[1 << MOST_BITS];
        const size_t digits = count <= FEW ? 0 : split(items, others, count, ends);
        if (digits == 0) {
            emit_few(items, count, order);
            return;
        }
        for (size_t i = 0; i < digits; i++) emit_digit(others, items, ends, i, order);
    }

    void emit_digit(Item *items, Item *others, const size_t *ends, size_t digit, int64_t *order) const {
        const size_t begin = digit == 0 ? 0 : ends[digit - 1], count = ends[digit] - begin;
        if (count == 1) {
            order[begin] = int64_t(items[begin].row);
        } else if (count != 0) {
            emit(items + begin, others + begin, count, order + begin);
        }
    }

    // Moves items to others by digit and returns the number of digits, with the end of each; or 0 where all prefixes
    // are the same.
    static size_t split(const Item *items, Item *others, size_t count, size_t *ends) {
        uint64_t lowest = UINT64_MAX, highest = 0;
        for (size_t i = 0; i < count; i++) {
            lowest = std::min(lowest, items[i].prefix);
            highest = std::max(highest, items[i].prefix);
        }
        if (lowest >= highest) return 0;
        unsigned bits = 1;
        while (bits < MOST_BITS && count >> (bits + 1) != 0) bits++;
        Digit digit = {lowest, 0};
        while ((highest - lowest) >> digit.shift >> bits != 0) digit.shift++;
        const size_t digits = size_t((highest - lowest) >> digit.shift) + 1;

        std::fill(ends, ends + digits, 0);
        for (size_t i = 0; i < count; i++) ends[digit(items[i])]++;
        size_t begin = 0;
        for (size_t i = 0; i < digits; i++) begin += std::exchange(ends[i], begin);
        for (size_t i = 0; i < count; i++) others[ends[digit(items[i])]++] = items[i];  // begins become ends
        return digits;
    }

    // Few items, or many with one prefix. The row number makes every order of equal rows the stable one.
    void emit_few(Item *items, size_t count, int64_t *order) const {
        const auto below = [this](const Item &a, const Item &b) {
            if (a.prefix != b.prefix) return a.prefix < b.prefix;
            const int tails = compare_tails(row_at(rows_, a.row), row_at(rows_, b.row), rows_.width);
            return tails != 0 ? tails < 0 : a.row < b.row;
        };
        std::sort(items, items + count, below);
        for (size_t i = 0; i < count; i++) order[i] = int64_t(items[i].row);
    }

    const assent_rows rows_;
    int64_t *const order_;
};

}  // namespace

void order_rows(const assent_rows &rows, uint32_t threads, int64_t *order) { Order(rows, order).run(threads); }

}  // namespace assent
