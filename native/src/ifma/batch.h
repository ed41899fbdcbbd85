// The group operations of ../batch.h with AVX-512 IFMA, eight rows to a vector. Only where isa() is Isa::IFMA.
#pragma once

#include <cstddef>

#include "../outcome.h"
#include "../scalar.h"

namespace assent::ifma {

constexpr size_t MAX_ROWS = 512;  // of a chunk: its points share one inversion and lie in the second-level cache

Outcome check_chunk(const uint8_t *elements, size_t count);
Outcome evaluate_chunk(const uint8_t *elements, size_t count, const Digits &half, uint8_t *out);
Outcome map_chunk(const uint8_t *uniform, size_t count, uint8_t *out);
Outcome map_multiply_chunk(const uint8_t *uniform, size_t count, const Digits &half, uint8_t *out);

// For tests: the field and the formulas on eight elements whose limbs lie as [limb][lane]. Operation
//   0 a * b   1 a^2   2 a as columns, carried   3 a - b as columns, carried   4 a - b
//   5 the residue of a below p   6 limbs 0, 1, 2: 1 where a is zero, is negative, equals b
//   10 to 12, 20 to 23, 30 to 33, 40 to 45: one result each of the four functions of probe.h
void field_operation(uint32_t operation, const uint64_t a[40], const uint64_t b[40], uint64_t result[40]);

}  // namespace assent::ifma
