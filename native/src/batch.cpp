#include "batch.h"

#include "isa.h"
#include "ristretto.h"
#ifdef ASSENT_WITH_IFMA
#include "ifma/batch.h"
#endif

namespace assent {

namespace portable {

namespace {

static_assert(CHUNK_ROWS % ENCODE_BATCH == 0);

Outcome decode_block(Point *points, const uint8_t *elements, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!decode(points[i], elements + i * ELEMENT_BYTES)) return {ASSENT_NON_CANONICAL, i};
        if (is_identity(points[i])) return {ASSENT_IDENTITY, i};
    }
    return DONE;
}

Outcome one_way_map_block(Point *points, const uint8_t *uniform, size_t count) {
    for (size_t i = 0; i < count; i++) {
        points[i] = one_way_map(uniform + 64 * i);
        if (is_identity(points[i])) return {ASSENT_IDENTITY, i};
    }
    return DONE;
}

void multiply_and_encode(Point *points, size_t count, const Digits &half, uint8_t *out) {
    for (size_t i = 0; i < count; i++) points[i] = multiply(points[i], half);
    double_and_encode(out, points, count);
}

// Calls work(points, first, size) -> Outcome for the blocks of a chunk that share an inversion.
template <class Work>
Outcome for_each_block(size_t count, const Work &work) {
    Point points[ENCODE_BATCH];
    for (size_t first = 0; first < count; first += ENCODE_BATCH) {
        const Outcome outcome = work(points, first, count - first < ENCODE_BATCH ? count - first : ENCODE_BATCH);
        if (outcome.status != ASSENT_OK) return {outcome.status, outcome.row + first};
    }
    return DONE;
}

}  // namespace

Outcome check_chunk(const uint8_t *elements, size_t count) {
    return for_each_block(count, [=](Point *points, size_t first, size_t size) {
        return decode_block(points, elements + first * ELEMENT_BYTES, size);
    });
}

Outcome evaluate_chunk(const uint8_t *elements, size_t count, const Digits &half, uint8_t *out) {
    return for_each_block(count, [=, &half](Point *points, size_t first, size_t size) {
        const Outcome decoded = decode_block(points, elements + first * ELEMENT_BYTES, size);
        if (decoded.status == ASSENT_OK) multiply_and_encode(points, size, half, out + first * ELEMENT_BYTES);
        return decoded;
    });
}

Outcome map_chunk(const uint8_t *uniform, size_t count, uint8_t *out) {
    return for_each_block(count, [=](Point *points, size_t first, size_t size) {
        const Outcome mapped = one_way_map_block(points, uniform + 64 * first, size);
        if (mapped.status != ASSENT_OK) return mapped;
        for (size_t i = 0; i < size; i++) encode(out + (first + i) * ELEMENT_BYTES, points[i]);
        return DONE;
    });
}

Outcome map_multiply_chunk(const uint8_t *uniform, size_t count, const Digits &half, uint8_t *out) {
    return for_each_block(count, [=, &half](Point *points, size_t first, size_t size) {
        const Outcome mapped = one_way_map_block(points, uniform + 64 * first, size);
        if (mapped.status == ASSENT_OK) multiply_and_encode(points, size, half, out + first * ELEMENT_BYTES);
        return mapped;
    });
}

}  // namespace portable

#ifdef ASSENT_WITH_IFMA
#define ASSENT_CHOSEN(function, ...) \
    (isa() == Isa::IFMA ? ifma::function(__VA_ARGS__) : portable::function(__VA_ARGS__))
static_assert(CHUNK_ROWS <= ifma::MAX_ROWS);
#else
#define ASSENT_CHOSEN(function, ...) portable::function(__VA_ARGS__)
#endif

Outcome check_chunk(const uint8_t *elements, size_t count) { return ASSENT_CHOSEN(check_chunk, elements, count); }

Outcome evaluate_chunk(const uint8_t *elements, size_t count, const Digits &half, uint8_t *out) {
    return ASSENT_CHOSEN(evaluate_chunk, elements, count, half, out);
}

Outcome map_chunk(const uint8_t *uniform, size_t count, uint8_t *out) {
    return ASSENT_CHOSEN(map_chunk, uniform, count, out);
}

Outcome map_multiply_chunk(const uint8_t *uniform, size_t count, const Digits &half, uint8_t *out) {
    return ASSENT_CHOSEN(map_multiply_chunk, uniform, count, half, out);
}

}  // namespace assent
