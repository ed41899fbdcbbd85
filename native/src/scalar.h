// Integers modulo the group order l = 2^252 + 27742317777372353535851937790883648493 (RFC 9496 section 4).
// Every function takes the same time for all values.
#pragma once

#include <cstdint>

namespace assent {

// Four little-endian words, below l.
struct Scalar {
    uint64_t w[4];
};

// 64 odd digits of k or k + l in -15..15, base 16: no zero digit, so the same steps for every scalar.
struct Digits {
    int8_t d[64];
};

// 1 and the scalar when the bytes are little-endian, below l and not zero; else 0 and zero.
uint64_t scalar_from_bytes(Scalar &scalar, const uint8_t bytes[32]);

void scalar_to_bytes(uint8_t bytes[32], const Scalar &scalar);

// 64 uniform bytes modulo l: within 2^-259 of uniform.
void scalar_from_wide_bytes(Scalar &scalar, const uint8_t bytes[64]);

uint64_t scalar_is_zero(const Scalar &scalar);

// a^(l-2) = 1/a.
void scalar_invert(Scalar &inverse, const Scalar &a);

// The digits of scalar/2 mod l: what is encoded afterwards is doubled once more.
void half_digits(Digits &digits, const Scalar &scalar);

}  // namespace assent
