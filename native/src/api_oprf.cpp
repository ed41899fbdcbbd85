// The OPRF of RFC 9497, suite ristretto255-SHA512, mode 0x00, over columns of inputs.
#include "api.h"
#include "batch.h"
#include "column.h"
#include "expand_message.h"
#include "scalar_handle.h"
#include "secret.h"

using namespace assent;

namespace {

constexpr size_t MAX_VALUE = 65000;  // of one match-key value
constexpr size_t MAX_INPUT = 65535;  // of one OPRF input: RFC 9497 hashes its length as two bytes
constexpr size_t OUTPUT_BYTES = Sha512::DIGEST;

// Expands a chunk of inputs into 64 uniform bytes each and hands them to `then`.
template <class Then>
int32_t for_each_expanded_chunk(const assent_column &inputs, uint32_t threads, uint64_t *row, const Then &then) {
    if (const int32_t status = check_column(inputs, row)) return status;
    return for_each_chunk(inputs.rows, threads, row, [&](uint64_t first, size_t count) -> Outcome {
        uint8_t uniform[64 * CHUNK_ROWS];
        const WipeAtExit<uint8_t[64 * CHUNK_ROWS]> wipe_uniform(uniform);
        for (size_t i = 0; i < count; i++) {
            const Bytes input = column_row(inputs, first + i);
            if (input.size > MAX_INPUT) return {ASSENT_TOO_LONG, first + i};
            expand_oprf_input(uniform + 64 * i, input);
        }
        const Outcome outcome = then(uniform, first, count);
        return {outcome.status, outcome.row + first};
    });
}

// RFC 9497 section 3.3.1, Finalize after unblinding.
void finalize_row(uint8_t output[OUTPUT_BYTES], Bytes input, const uint8_t element[ELEMENT_BYTES]) {
    uint8_t length[2];
    Sha512 hash;
    store16_be(length, uint16_t(input.size));
    hash.update(length, sizeof length);
    hash.update(input);
    store16_be(length, ELEMENT_BYTES);
    hash.update(length, sizeof length);
    hash.update(element, ELEMENT_BYTES);
    hash.update(reinterpret_cast<const uint8_t *>("Finalize"), 8);
    hash.finish(output);
    wipe(&hash, sizeof hash);
}

// Finalize for the rows of a chunk whose elements are at hand.
Outcome finalize_chunk(const assent_column &inputs, const uint8_t *elements, uint64_t first, size_t count,
                       uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        const Bytes input = column_row(inputs, first + i);
        if (input.size > MAX_INPUT) return {ASSENT_TOO_LONG, first + i};
        finalize_row(out + (first + i) * OUTPUT_BYTES, input, elements + i * ELEMENT_BYTES);
    }
    return DONE;
}

}  // namespace

int32_t assent_oprf_inputs(const uint8_t *name, uint32_t name_size, const assent_column *values, int64_t *out_offsets,
                           uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    int64_t at = 0;
    out_offsets[0] = 0;
    for (uint64_t i = 0; i < values->rows; i++) {
        const Bytes value = column_row(*values, i);
        if (value.size > MAX_VALUE) {
            *row = i;
            return ASSENT_TOO_LONG;
        }
        uint8_t *input = out + at;
        store16_be(input, uint16_t(name_size));
        copy_bytes(input + 2, name, name_size);
        store16_be(input + 2 + name_size, uint16_t(value.size));
        copy_bytes(input + 4 + name_size, value.data, value.size);
        at += int64_t(4 + name_size + value.size);
        out_offsets[i + 1] = at;
    }
    return ASSENT_OK;
}

int32_t assent_hash_to_group(const assent_column *inputs, uint32_t threads, uint8_t *out, uint64_t *row) {
    return for_each_expanded_chunk(*inputs, threads, row, [=](const uint8_t *uniform, uint64_t first, size_t count) {
        return map_chunk(uniform, count, out + first * ELEMENT_BYTES);
    });
}

int32_t assent_blind(const assent_column *inputs, const assent_scalar *scalar, uint32_t threads, uint8_t *out,
                     uint64_t *row) {
    Digits half;
    const WipeAtExit<Digits> wipe_half(half);
    half_digits(half, scalar->value);
    const auto multiply_into = [=, &half](const uint8_t *uniform, uint64_t first, size_t count) {
        return map_multiply_chunk(uniform, count, half, out + first * ELEMENT_BYTES);
    };
    return for_each_expanded_chunk(*inputs, threads, row, multiply_into);
}

int32_t assent_finalize(const assent_column *inputs, const uint8_t *elements, uint32_t threads, uint8_t *out,
                        uint64_t *row) {
    if (const int32_t status = check_column(*inputs, row)) return status;
    return for_each_chunk(inputs->rows, threads, row, [=](uint64_t first, size_t count) {
        return finalize_chunk(*inputs, elements + first * ELEMENT_BYTES, first, count, out);
    });
}

int32_t assent_finalize_unblind(const assent_column *inputs, const uint8_t *evaluated, const assent_scalar *inverse,
                                uint32_t threads, uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*inputs, row)) return status;
    Digits half;
    const WipeAtExit<Digits> wipe_half(half);
    half_digits(half, inverse->value);
    return for_each_chunk(inputs->rows, threads, row, [=, &half](uint64_t first, size_t count) -> Outcome {
        uint8_t elements[ELEMENT_BYTES * CHUNK_ROWS];
        const Outcome unblinded = evaluate_chunk(evaluated + first * ELEMENT_BYTES, count, half, elements);
        if (unblinded.status != ASSENT_OK) return {unblinded.status, unblinded.row + first};
        return finalize_chunk(*inputs, elements, first, count, out);
    });
}
