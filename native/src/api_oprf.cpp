// The OPRF of RFC 9497, suite ristretto255-SHA512, mode 0x00, over columns of inputs.
#include "api.h"
#include "batch.h"
#include "column.h"
#include "expand_message.h"
#include "lanes.h"
#include "scalar_handle.h"
#include "secret.h"

using namespace assent;

namespace {

constexpr size_t MAX_VALUE = 65000;  // of one match-key value
constexpr size_t MAX_INPUT = 65535;  // of one OPRF input: RFC 9497 hashes its length as two bytes
constexpr size_t UNIFORM_BYTES = 64;
constexpr size_t OUTPUT_BYTES = Sha512::DIGEST;

// Calls work(inputs, first, count) -> Outcome for each chunk; rows of its outcome count from the start of the chunk.
template <class Work>
int32_t for_each_chunk_of(const assent_column &inputs, uint32_t threads, uint64_t *row, const Work &work) {
    if (const int32_t status = check_column(inputs, row)) return status;
    return for_each_chunk(inputs.rows, threads, row, [&](uint64_t first, size_t count) -> Outcome {
        Bytes chunk[CHUNK_ROWS];
        size_t good = 0;
        for (; good < count; good++) {
            chunk[good] = column_row(inputs, first + good);
            if (chunk[good].size > MAX_INPUT) break;
        }
        // A row before the one that is too long may be refused for another reason.
        const Outcome outcome = good == 0 ? DONE : work(chunk, first, good);
        if (outcome.status == ASSENT_OK && good < count) return {ASSENT_TOO_LONG, first + good};
        return {outcome.status, outcome.row + first};
    });
}

// The same with the inputs' 64 uniform bytes each: work(uniform, inputs, first, count).
template <class Work>
int32_t for_each_expanded_chunk(const assent_column &inputs, uint32_t threads, uint64_t *row, const Work &work) {
    return for_each_chunk_of(inputs, threads, row, [&](const Bytes *chunk, uint64_t first, size_t count) {
        uint8_t uniform[UNIFORM_BYTES * CHUNK_ROWS];
        const WipeAtExit<uint8_t[UNIFORM_BYTES * CHUNK_ROWS]> wipe_uniform(uniform);
        expand_oprf_inputs(uniform, chunk, count);
        return work(uniform, chunk, first, count);
    });
}

// RFC 9497 section 3.3.1, Finalize after unblinding, for each row of a chunk.
void finalize_chunk(uint8_t *outputs, const Bytes *inputs, const uint8_t *elements, size_t count) {
    LaneHash<uint64_t> lanes;
    const Sha512 start;
    for_each_group<uint64_t>(count, [&](size_t first, size_t group) {
        lanes.begin(start);
        lanes.absorb(group, [&](auto &message, size_t lane) {
            const Bytes input = inputs[first + lane];
            uint8_t length[2];
            store16_be(length, uint16_t(input.size));
            message.update(length, sizeof length);
            message.update(input);
            store16_be(length, ELEMENT_BYTES);
            message.update(length, sizeof length);
            message.update(elements + (first + lane) * ELEMENT_BYTES, ELEMENT_BYTES);
            message.update(reinterpret_cast<const uint8_t *>("Finalize"), 8);
        });
        lanes.store(outputs + first * OUTPUT_BYTES, group);
    });
}

}  // namespace

int32_t assent_oprf_inputs(const uint8_t *name, uint32_t name_size, const assent_column *values, int64_t *out_offsets,
                           uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    // What stands before a value, but for the value's length in the last two bytes.
    constexpr size_t WIDE = 32, MAX_NAME = 255;
    uint8_t head[2 + MAX_NAME + 2 + WIDE] = {0};
    const size_t head_size = 2 + name_size + 2;
    store16_be(head, uint16_t(name_size));
    copy_bytes(head + 2, name, name_size);

    uint64_t values_size = 0;
    if (values->rows != 0) {
        const Bytes first = column_row(*values, 0), last = column_row(*values, values->rows - 1);
        values_size = uint64_t(last.data + last.size - first.data);
    }
    const uint64_t out_size = values_size + values->rows * head_size;
    const uint8_t *const values_end = values->bytes + values->bytes_size;
    uint64_t at = 0;
    out_offsets[0] = 0;
    for (uint64_t i = 0; i < values->rows; i++) {
        const Bytes value = column_row(*values, i);
        if (value.size > MAX_VALUE) {
            *row = i;
            return ASSENT_TOO_LONG;
        }
        uint8_t *const input = out + at, *const body = input + head_size;
        at += head_size + value.size;
        // Copies of one size cost least. They run over what they copy where that stays inside both buffers; the next
        // row overwrites it.
        if (head_size <= WIDE && value.size <= WIDE && values_end - value.data >= ptrdiff_t(WIDE) &&
            at + 2 * WIDE <= out_size) {
            std::memcpy(input, head, WIDE);
            std::memcpy(body, value.data, WIDE);
        } else {
            copy_bytes(input, head, head_size);
            copy_bytes(body, value.data, value.size);
        }
        store16_be(body - 2, uint16_t(value.size));
        out_offsets[i + 1] = int64_t(at);
    }
    return ASSENT_OK;
}

int32_t assent_hash_to_group(const assent_column *inputs, uint32_t threads, uint8_t *out, uint64_t *row) {
    const auto map = [=](const uint8_t *uniform, const Bytes *, uint64_t first, size_t count) {
        return map_chunk(uniform, count, out + first * ELEMENT_BYTES);
    };
    return for_each_expanded_chunk(*inputs, threads, row, map);
}

int32_t assent_blind(const assent_column *inputs, const assent_scalar *scalar, uint32_t threads, uint8_t *out,
                     uint64_t *row) {
    Digits half;
    const WipeAtExit<Digits> wipe_half(half);
    half_digits(half, scalar->value);
    const auto multiply = [=, &half](const uint8_t *uniform, const Bytes *, uint64_t first, size_t count) {
        return map_multiply_chunk(uniform, count, half, out + first * ELEMENT_BYTES);
    };
    return for_each_expanded_chunk(*inputs, threads, row, multiply);
}

int32_t assent_outputs(const assent_column *inputs, const assent_scalar *scalar, uint32_t threads, uint8_t *out,
                       uint64_t *row) {
    Digits half;
    const WipeAtExit<Digits> wipe_half(half);
    half_digits(half, scalar->value);
    const auto evaluate = [=, &half](const uint8_t *uniform, const Bytes *chunk, uint64_t first, size_t count) {
        uint8_t elements[ELEMENT_BYTES * CHUNK_ROWS];
        const WipeAtExit<uint8_t[ELEMENT_BYTES * CHUNK_ROWS]> wipe_elements(elements);
        const Outcome outcome = map_multiply_chunk(uniform, count, half, elements);
        if (outcome.status == ASSENT_OK) finalize_chunk(out + first * OUTPUT_BYTES, chunk, elements, count);
        return outcome;
    };
    return for_each_expanded_chunk(*inputs, threads, row, evaluate);
}

int32_t assent_finalize(const assent_column *inputs, const uint8_t *elements, uint32_t threads, uint8_t *out,
                        uint64_t *row) {
    const auto finalize = [=](const Bytes *chunk, uint64_t first, size_t count) {
        finalize_chunk(out + first * OUTPUT_BYTES, chunk, elements + first * ELEMENT_BYTES, count);
        return DONE;
    };
    return for_each_chunk_of(*inputs, threads, row, finalize);
}

int32_t assent_finalize_unblind(const assent_column *inputs, const uint8_t *evaluated, const assent_scalar *inverse,
                                uint32_t threads, uint8_t *out, uint64_t *row) {
    Digits half;
    const WipeAtExit<Digits> wipe_half(half);
    half_digits(half, inverse->value);
    const auto unblind = [=, &half](const Bytes *chunk, uint64_t first, size_t count) {
        uint8_t elements[ELEMENT_BYTES * CHUNK_ROWS];
        const WipeAtExit<uint8_t[ELEMENT_BYTES * CHUNK_ROWS]> wipe_elements(elements);
        const Outcome outcome = evaluate_chunk(evaluated + first * ELEMENT_BYTES, count, half, elements);
        if (outcome.status == ASSENT_OK) finalize_chunk(out + first * OUTPUT_BYTES, chunk, elements, count);
        return outcome;
    };
    return for_each_chunk_of(*inputs, threads, row, unblind);
}
