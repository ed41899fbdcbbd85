// The only unit with AVX-512 IFMA: built alone with its flags, entered only where isa() is Isa::IFMA.
#include "batch.h"

#include <cstring>

#include "probe.h"
#include "ristretto.h"

namespace assent::ifma {
namespace {

constexpr size_t LANES = 8;
constexpr size_t ELEMENT_BYTES = 32;
constexpr size_t UNIFORM_BYTES = 64;
constexpr size_t MAX_VECTORS = MAX_ROWS / LANES;
constexpr int AT_ONCE = 4;  // vectors whose power chains are interleaved

// Words `first_word` to `first_word` + 3 of up to eight rows of `width` bytes; lanes without a row are zero.
Words load(const uint8_t *rows, size_t count, size_t width, int first_word) {
    alignas(64) uint64_t words[4][LANES] = {};
    for (size_t lane = 0; lane < count && lane < LANES; lane++) {
        for (int i = 0; i < 4; i++) {
            std::memcpy(&words[i][lane], rows + lane * width + 8 * size_t(first_word + i), sizeof(uint64_t));
        }
    }
    Words r;
    for (int i = 0; i < 4; i++) r.w[i] = _mm512_load_si512(words[i]);
    wipe(words, sizeof words);  // rows of uniform bytes are secret
    return r;
}

void store(uint8_t *rows, size_t count, const Words &encodings) {
    alignas(64) uint64_t words[4][LANES];
    for (int i = 0; i < 4; i++) _mm512_store_si512(words[i], encodings.w[i]);
    for (size_t lane = 0; lane < count && lane < LANES; lane++) {
        for (int i = 0; i < 4; i++) std::memcpy(rows + lane * ELEMENT_BYTES + 8 * size_t(i), &words[i][lane], 8);
    }
}

size_t vectors(size_t rows) { return (rows + LANES - 1) / LANES; }

// Decodes N vectors from vector `first` on, and refuses in row order.
template <int N>
Outcome decode_vectors(Point *points, const uint8_t *elements, size_t count, size_t first) {
    Words encodings[N];
    Mask accepted[N];
    for (size_t n = 0; n < N; n++) {
        const size_t row = (first + n) * LANES;
        encodings[n] = load(elements + row * ELEMENT_BYTES, count - row, ELEMENT_BYTES, 0);
    }
    decode<N>(accepted, points + first, encodings);
    for (size_t n = 0; n < N; n++) {
        // Of the accepted encodings, 32 zero bytes alone are the identity.
        const U64x8 *w = encodings[n].w;
        const U64x8 any = either(either(w[0], w[1]), either(w[2], w[3]));
        const Mask identity = none_of(any, any);
        for (size_t lane = 0, row = (first + n) * LANES; lane < LANES && row < count; lane++, row++) {
            if (!(accepted[n] >> lane & 1)) return {ASSENT_NON_CANONICAL, row};
            if (identity >> lane & 1) return {ASSENT_IDENTITY, row};
        }
    }
    return DONE;
}

template <int N>
Outcome map_vectors(Point *points, const uint8_t *uniform, size_t count, size_t first) {
    Words halves[2][N];
    const WipeAtExit<Words[2][N]> wipe_halves(halves);
    Mask identity[N];
    for (size_t n = 0; n < N; n++) {
        const size_t row = (first + n) * LANES;
        for (int half = 0; half < 2; half++) {
            halves[half][n] = load(uniform + row * UNIFORM_BYTES, count - row, UNIFORM_BYTES, 4 * half);
        }
    }
    one_way_map<N>(identity, points + first, halves[0], halves[1]);
    for (size_t n = 0; n < N; n++) {
        for (size_t lane = 0, row = (first + n) * LANES; lane < LANES && row < count; lane++, row++) {
            if (identity[n] >> lane & 1) return {ASSENT_IDENTITY, row};
        }
    }
    return DONE;
}

// Several vectors at a time as long as there are, then one by one.
Outcome decode_chunk(Point *points, const uint8_t *elements, size_t count) {
    Outcome outcome = DONE;
    for (size_t i = 0; i < vectors(count) && outcome.status == ASSENT_OK;) {
        if (i + AT_ONCE <= vectors(count)) {
            outcome = decode_vectors<AT_ONCE>(points, elements, count, i);
            i += AT_ONCE;
        } else {
            outcome = decode_vectors<1>(points, elements, count, i);
            i++;
        }
    }
    return outcome;
}

Outcome one_way_map_chunk(Point *points, const uint8_t *uniform, size_t count) {
    Outcome outcome = DONE;
    for (size_t i = 0; i < vectors(count) && outcome.status == ASSENT_OK;) {
        if (i + AT_ONCE / 2 <= vectors(count)) {
            outcome = map_vectors<AT_ONCE / 2>(points, uniform, count, i);
            i += AT_ONCE / 2;
        } else {
            outcome = map_vectors<1>(points, uniform, count, i);
            i++;
        }
    }
    return outcome;
}

void multiply_and_encode(Point *points, size_t count, const Digits &half, uint8_t *out) {
    Table table;
    const WipeAtExit<Table> wipe_table(table);
    for (size_t i = 0; i < vectors(count); i++) multiply(points[i], half, table);
    Words encodings[MAX_VECTORS];
    Field before[MAX_VECTORS];
    double_and_encode(encodings, points, before, vectors(count));
    for (size_t i = 0; i < vectors(count); i++) {
        store(out + i * LANES * ELEMENT_BYTES, count - i * LANES, encodings[i]);
    }
}

}  // namespace

Outcome check_chunk(const uint8_t *elements, size_t count) {
    Point points[MAX_VECTORS];
    return decode_chunk(points, elements, count);
}

Outcome evaluate_chunk(const uint8_t *elements, size_t count, const Digits &half, uint8_t *out) {
    Point points[MAX_VECTORS];
    const Outcome decoded = decode_chunk(points, elements, count);
    if (decoded.status == ASSENT_OK) multiply_and_encode(points, count, half, out);
    return decoded;
}

Outcome map_chunk(const uint8_t *uniform, size_t count, uint8_t *out) {
    Point points[MAX_VECTORS];
    const Outcome mapped = one_way_map_chunk(points, uniform, count);
    if (mapped.status != ASSENT_OK) return mapped;
    for (size_t i = 0; i < vectors(count);) {
        Words encodings[AT_ONCE];
        const size_t n = i + AT_ONCE <= vectors(count) ? AT_ONCE : 1;
        if (n == AT_ONCE) {
            encode<AT_ONCE>(encodings, points + i);
        } else {
            encode<1>(encodings, points + i);
        }
        for (size_t j = 0; j < n; j++, i++) {
            store(out + i * LANES * ELEMENT_BYTES, count - i * LANES, encodings[j]);
        }
    }
    return DONE;
}

Outcome map_multiply_chunk(const uint8_t *uniform, size_t count, const Digits &half, uint8_t *out) {
    Point points[MAX_VECTORS];
    const Outcome mapped = one_way_map_chunk(points, uniform, count);
    if (mapped.status == ASSENT_OK) multiply_and_encode(points, count, half, out);
    return mapped;
}

void field_operation(uint32_t operation, const uint64_t a[40], const uint64_t b[40], uint64_t result[40]) {
    Field f, g;
    for (int i = 0; i < 5; i++) {
        f.v[i] = _mm512_loadu_si512(a + 8 * i);
        g.v[i] = _mm512_loadu_si512(b + 8 * i);
    }
    const Field r = probe(operation, f, g);
    for (int i = 0; i < 5; i++) _mm512_storeu_si512(result + 8 * i, r.v[i]);
}

}  // namespace assent::ifma
