#include "batch.h"

namespace assent {

namespace {

Outcome decode_chunk(Point *points, const uint8_t *elements, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!decode(points[i], elements + i * ELEMENT_BYTES)) return {ASSENT_NON_CANONICAL, i};
        if (is_identity(points[i])) return {ASSENT_IDENTITY, i};
    }
    return DONE;
}

Outcome one_way_map_chunk(Point *points, const uint8_t *uniform, size_t count) {
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

}  // namespace

Outcome check_chunk(const uint8_t *elements, size_t count) {
    Point points[CHUNK_ROWS];
    return decode_chunk(points, elements, count);
}

Outcome evaluate_chunk(const uint8_t *elements, size_t count, const Digits &half, uint8_t *out) {
    Point points[CHUNK_ROWS];
    const Outcome decoded = decode_chunk(points, elements, count);
    if (decoded.status == ASSENT_OK) multiply_and_encode(points, count, half, out);
    return decoded;
}

Outcome map_chunk(const uint8_t *uniform, size_t count, uint8_t *out) {
    Point points[CHUNK_ROWS];
    const Outcome mapped = one_way_map_chunk(points, uniform, count);
    if (mapped.status != ASSENT_OK) return mapped;
    for (size_t i = 0; i < count; i++) encode(out + i * ELEMENT_BYTES, points[i]);
    return DONE;
}

Outcome map_multiply_chunk(const uint8_t *uniform, size_t count, const Digits &half, uint8_t *out) {
    Point points[CHUNK_ROWS];
    const Outcome mapped = one_way_map_chunk(points, uniform, count);
    if (mapped.status == ASSENT_OK) multiply_and_encode(points, count, half, out);
    return mapped;
}

}  // namespace assent
