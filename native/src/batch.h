// Group operations on one chunk of at most CHUNK_ROWS rows, on the instruction set in use (isa.h).
// Rows in the outcomes count from the start of the chunk; a refused chunk leaves its output undefined.
#pragma once

#include "parallel.h"
#include "ristretto.h"
#include "scalar.h"

namespace assent {

// Refuses, in row order, what is not canonical or is the identity.
Outcome check_chunk(const uint8_t *elements, size_t count);

// out[i] = encode(scalar * decode(elements[i])), with the digits of half the scalar.
Outcome evaluate_chunk(const uint8_t *elements, size_t count, const Digits &half, uint8_t *out);

// out[i] = encode(one_way_map(uniform[i])) for 64-byte rows; refuses the identity.
Outcome map_chunk(const uint8_t *uniform, size_t count, uint8_t *out);

// out[i] = encode(scalar * one_way_map(uniform[i])), with the digits of half the scalar; refuses the identity.
Outcome map_multiply_chunk(const uint8_t *uniform, size_t count, const Digits &half, uint8_t *out);

}  // namespace assent
