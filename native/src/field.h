// The field GF(p), p = 2^255 - 19, in radix 2^51: a value is the sum of v[i] * 2^(51 i), not unique.
//
// Bounds, which every caller keeps (nothing checks them at run time):
//   tight   limbs < 2^51 + 2^13     what mul, square and carry return
//   loose   limbs < 2^54            what mul and square accept
//   wide    limb by limb at most 4p what subtract_wide, negate and comparisons accept, and what negate returns
// add and subtract do not carry. add(tight, tight) < 2^52.1; subtract(x, tight) < x + 2^52;
// subtract_wide(x, wide) < x + 2^53. With limbs < 2^54 the largest column of a product is 5 * 2^108 and 19 times
// its carry is < 2^64, so nothing overflows.
// All functions take the same time for all values.
#pragma once

#include <cstdint>

#include "secret.h"

namespace assent {

struct Field {
    uint64_t v[5];
};

constexpr uint64_t LIMB_MASK = (uint64_t(1) << 51) - 1;

constexpr Field FIELD_ZERO = {{0, 0, 0, 0, 0}};
constexpr Field FIELD_ONE = {{1, 0, 0, 0, 0}};

// RFC 9496 section 4.1, in limbs.
constexpr Field EDWARDS_D = {
    {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff}};
constexpr Field EDWARDS_2D = {
    {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}};
constexpr Field SQRT_M1 = {
    {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}};
constexpr Field SQRT_AD_MINUS_ONE = {
    {0x7f6a0497b2e1b, 0x1836f0a97afd2, 0x7d747f6be7638, 0x456079e7e6498, 0x376931bf2b834}};
constexpr Field INVSQRT_A_MINUS_D = {
    {0x0fdaa805d40ea, 0x2eb482e57d339, 0x07610274bc58, 0x6510b613dc8ff, 0x786c8905cfaff}};
constexpr Field ONE_MINUS_D_SQ = {
    {0x409c1945fc176, 0x719abc6a1fc4f, 0x1c37f90b20684, 0x06bccca55eedf, 0x29072a8b2b3e}};
constexpr Field D_MINUS_ONE_SQ = {
    {0x55aaa44ed4d20, 0x59603c3332635, 0x26d3baf4a7928, 0x120a66e6997a9, 0x5968b37af66c2}};

inline Field add(const Field &a, const Field &b) {
    return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3], a.v[4] + b.v[4]}};
}

// a - b + 2p; b tight.
inline Field subtract(const Field &a, const Field &b) {
    constexpr uint64_t lowest = 0xfffffffffffda, other = 0xffffffffffffe;
    return {{a.v[0] + lowest - b.v[0], a.v[1] + other - b.v[1], a.v[2] + other - b.v[2], a.v[3] + other - b.v[3],
             a.v[4] + other - b.v[4]}};
}

// a - b + 4p; b wide.
inline Field subtract_wide(const Field &a, const Field &b) {
    constexpr uint64_t lowest = 0x1fffffffffffb4, other = 0x1ffffffffffffc;
    return {{a.v[0] + lowest - b.v[0], a.v[1] + other - b.v[1], a.v[2] + other - b.v[2], a.v[3] + other - b.v[3],
             a.v[4] + other - b.v[4]}};
}

inline Field negate(const Field &a) { return subtract_wide(FIELD_ZERO, a); }

// Columns of a product, each < 2^111, to tight limbs.
inline Field carry_columns(unsigned __int128 c0, unsigned __int128 c1, unsigned __int128 c2, unsigned __int128 c3,
                           unsigned __int128 c4) {
    c1 += uint64_t(c0 >> 51);
    c2 += uint64_t(c1 >> 51);
    c3 += uint64_t(c2 >> 51);
    c4 += uint64_t(c3 >> 51);
    Field r;
    r.v[0] = (uint64_t(c0) & LIMB_MASK) + 19 * uint64_t(c4 >> 51);
    r.v[1] = (uint64_t(c1) & LIMB_MASK) + (r.v[0] >> 51);
    r.v[0] &= LIMB_MASK;
    r.v[2] = uint64_t(c2) & LIMB_MASK;
    r.v[3] = uint64_t(c3) & LIMB_MASK;
    r.v[4] = uint64_t(c4) & LIMB_MASK;
    return r;
}

inline Field mul(const Field &a, const Field &b) {
    using Wide = unsigned __int128;
    const uint64_t a0 = a.v[0], a1 = a.v[1], a2 = a.v[2], a3 = a.v[3], a4 = a.v[4];
    const uint64_t b0 = b.v[0], b1 = b.v[1], b2 = b.v[2], b3 = b.v[3], b4 = b.v[4];
    // 2^255 = 19 mod p: what falls off the top comes back 19-fold.
    const uint64_t t1 = 19 * b1, t2 = 19 * b2, t3 = 19 * b3, t4 = 19 * b4;
    const Wide c0 = Wide(a0) * b0 + Wide(a1) * t4 + Wide(a2) * t3 + Wide(a3) * t2 + Wide(a4) * t1;
    const Wide c1 = Wide(a0) * b1 + Wide(a1) * b0 + Wide(a2) * t4 + Wide(a3) * t3 + Wide(a4) * t2;
    const Wide c2 = Wide(a0) * b2 + Wide(a1) * b1 + Wide(a2) * b0 + Wide(a3) * t4 + Wide(a4) * t3;
    const Wide c3 = Wide(a0) * b3 + Wide(a1) * b2 + Wide(a2) * b1 + Wide(a3) * b0 + Wide(a4) * t4;
    const Wide c4 = Wide(a0) * b4 + Wide(a1) * b3 + Wide(a2) * b2 + Wide(a3) * b1 + Wide(a4) * b0;
    return carry_columns(c0, c1, c2, c3, c4);
}

inline Field square(const Field &a) {
    using Wide = unsigned __int128;
    const uint64_t a0 = a.v[0], a1 = a.v[1], a2 = a.v[2], a3 = a.v[3], a4 = a.v[4];
    const uint64_t d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2, t3 = 19 * a3, t4 = 19 * a4;
    const Wide c0 = Wide(a0) * a0 + Wide(d1) * t4 + Wide(d2) * t3;
    const Wide c1 = Wide(d0) * a1 + Wide(d2) * t4 + Wide(a3) * t3;
    const Wide c2 = Wide(d0) * a2 + Wide(a1) * a1 + Wide(2 * a3) * t4;
    const Wide c3 = Wide(d0) * a3 + Wide(d1) * a2 + Wide(a4) * t4;
    const Wide c4 = Wide(d0) * a4 + Wide(d1) * a3 + Wide(a2) * a2;
    return carry_columns(c0, c1, c2, c3, c4);
}

// a when bit is 0, b when it is 1.
inline Field select(const Field &a, const Field &b, uint64_t bit) {
    const uint64_t mask = mask_of(bit);
    Field r;
    for (int i = 0; i < 5; i++) r.v[i] = a.v[i] ^ (mask & (a.v[i] ^ b.v[i]));
    return r;
}

// a^(2^times); times is public and at least 1.
Field square_times(const Field &a, int times);

// a^(p-2): 1/a, and 0 for 0.
Field invert(const Field &a);

// The 255 low bits of 32 little-endian bytes; bit 255 is ignored, as RFC 9496 section 4.3.4 wants for the map.
Field field_from_bytes(const uint8_t bytes[32]);

// The one canonical encoding, below p; a loose.
void field_to_bytes(uint8_t bytes[32], const Field &a);

// 1 when a = 0 mod p.
uint64_t is_zero(const Field &a);

// 1 when the canonical encoding is odd: IS_NEGATIVE of RFC 9496 section 3.1.
uint64_t is_negative(const Field &a);

// 1 when a = b mod p; b wide.
uint64_t equal(const Field &a, const Field &b);

// -a when bit is 1, else a; a wide.
inline Field negate_if(const Field &a, uint64_t bit) { return select(a, negate(a), bit); }

// CT_ABS of RFC 9496 section 3.1.
inline Field absolute(const Field &a) { return negate_if(a, is_negative(a)); }

// SQRT_RATIO_M1(u, v) of RFC 9496 section 4.2: returns was_square, writes the root. u and v wide.
uint64_t sqrt_ratio_m1(Field &root, const Field &u, const Field &v);

}  // namespace assent
