#include "api.h"
#include "batch.h"
#include "entropy.h"
#include "scalar_handle.h"
#include "secret.h"

using namespace assent;

namespace {

// A chunk counts its rows from its own start.
Outcome shifted(Outcome outcome, uint64_t first) { return {outcome.status, outcome.row + first}; }

}  // namespace

int32_t assent_check_elements(const uint8_t *elements, uint64_t rows, uint32_t threads, uint64_t *row) {
    return for_each_chunk(rows, threads, row, [=](uint64_t first, size_t count) {
        return shifted(check_chunk(elements + first * ELEMENT_BYTES, count), first);
    });
}

int32_t assent_evaluate(const uint8_t *elements, uint64_t rows, const assent_scalar *scalar, uint32_t threads,
                        uint8_t *out, uint64_t *row) {
    Digits half;
    const WipeAtExit<Digits> wipe_half(half);
    half_digits(half, scalar->value);
    return for_each_chunk(rows, threads, row, [=, &half](uint64_t first, size_t count) {
        const uint64_t at = first * ELEMENT_BYTES;
        return shifted(evaluate_chunk(elements + at, count, half, out + at), first);
    });
}

int32_t assent_map_to_group(const uint8_t *uniform, uint64_t rows, uint32_t threads, uint8_t *out, uint64_t *row) {
    return for_each_chunk(rows, threads, row, [=](uint64_t first, size_t count) {
        return shifted(map_chunk(uniform + first * 64, count, out + first * ELEMENT_BYTES), first);
    });
}

int32_t assent_random_elements(uint64_t rows, uint32_t threads, uint8_t *out, uint64_t *row) {
    return for_each_chunk(rows, threads, row, [=](uint64_t first, size_t count) -> Outcome {
        uint8_t uniform[64 * CHUNK_ROWS];
        const WipeAtExit<uint8_t[64 * CHUNK_ROWS]> wipe_uniform(uniform);
        if (!random_bytes(uniform, 64 * count)) return {ASSENT_NO_ENTROPY, first};
        return shifted(map_chunk(uniform, count, out + first * ELEMENT_BYTES), first);
    });
}
