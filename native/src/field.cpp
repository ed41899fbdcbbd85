#include "field.h"

#include "bytes.h"

namespace assent {

namespace {

// Tight limbs below 2^51 + 2^13 from any limbs below 2^63.
Field carry(const Field &a) {
    Field r = a;
    r.v[1] += r.v[0] >> 51;
    r.v[0] &= LIMB_MASK;
    r.v[2] += r.v[1] >> 51;
    r.v[1] &= LIMB_MASK;
    r.v[3] += r.v[2] >> 51;
    r.v[2] &= LIMB_MASK;
    r.v[4] += r.v[3] >> 51;
    r.v[3] &= LIMB_MASK;
    r.v[0] += 19 * (r.v[4] >> 51);
    r.v[4] &= LIMB_MASK;
    return r;
}

// a^(2^250 - 1), the common head of both power chains; a11 is what inversion's tail needs.
struct PowerHead {
    Field a11;
    Field a2_250_1;
};

PowerHead power_head(const Field &a) {
    const Field a2 = square(a);
    const Field a9 = mul(square_times(a2, 2), a);
    const Field a11 = mul(a9, a2);
    const Field e5 = mul(square(a11), a9);             // 2^5 - 1
    const Field e10 = mul(square_times(e5, 5), e5);    // 2^10 - 1
    const Field e20 = mul(square_times(e10, 10), e10);
    const Field e40 = mul(square_times(e20, 20), e20);
    const Field e50 = mul(square_times(e40, 10), e10);
    const Field e100 = mul(square_times(e50, 50), e50);
    const Field e200 = mul(square_times(e100, 100), e100);
    return {a11, mul(square_times(e200, 50), e50)};
}

// a^((p-5)/8) = a^(2^252 - 3)
Field power_p58(const Field &a) { return mul(square_times(power_head(a).a2_250_1, 2), a); }

}  // namespace

Field square_times(const Field &a, int times) {
    Field r = square(a);
    for (int i = 1; i < times; i++) r = square(r);
    return r;
}

Field invert(const Field &a) {
    const PowerHead head = power_head(a);
    return mul(square_times(head.a2_250_1, 5), head.a11);  // 2^255 - 21
}

Field field_from_bytes(const uint8_t bytes[32]) {
    const uint64_t w0 = load64_le(bytes), w1 = load64_le(bytes + 8), w2 = load64_le(bytes + 16),
                   w3 = load64_le(bytes + 24);
    return {{w0 & LIMB_MASK, (w0 >> 51 | w1 << 13) & LIMB_MASK, (w1 >> 38 | w2 << 26) & LIMB_MASK,
             (w2 >> 25 | w3 << 39) & LIMB_MASK, (w3 >> 12) & LIMB_MASK}};
}

void field_to_bytes(uint8_t bytes[32], const Field &a) {
    Field r = carry(carry(a));
    // r < 2^255 + 2^13 now. q = 1 when r >= p, that is when r + 19 reaches 2^255.
    uint64_t q = (r.v[0] + 19) >> 51;
    for (int i = 1; i < 5; i++) q = (r.v[i] + q) >> 51;
    r.v[0] += 19 * q;
    for (int i = 0; i < 4; i++) {
        r.v[i + 1] += r.v[i] >> 51;
        r.v[i] &= LIMB_MASK;
    }
    r.v[4] &= LIMB_MASK;
    store64_le(bytes, r.v[0] | r.v[1] << 51);
    store64_le(bytes + 8, r.v[1] >> 13 | r.v[2] << 38);
    store64_le(bytes + 16, r.v[2] >> 26 | r.v[3] << 25);
    store64_le(bytes + 24, r.v[3] >> 39 | r.v[4] << 12);
}

uint64_t is_zero(const Field &a) {
    uint8_t bytes[32];
    field_to_bytes(bytes, a);
    uint64_t any = 0;
    for (int i = 0; i < 4; i++) any |= load64_le(bytes + 8 * i);
    return is_zero(any);
}

uint64_t is_negative(const Field &a) {
    uint8_t bytes[32];
    field_to_bytes(bytes, a);
    return bytes[0] & 1;
}

uint64_t equal(const Field &a, const Field &b) { return is_zero(subtract_wide(a, b)); }

uint64_t sqrt_ratio_m1(Field &root, const Field &u, const Field &v) {
    const Field v3 = mul(square(v), v);
    const Field v7 = mul(square(v3), v);
    Field r = mul(mul(u, v3), power_p58(mul(u, v7)));
    const Field check = mul(v, square(r));

    const Field minus_u = negate(u);
    const uint64_t correct_sign_sqrt = equal(check, u);
    const uint64_t flipped_sign_sqrt = is_zero(add(check, u));
    const uint64_t flipped_sign_sqrt_i = equal(check, mul(minus_u, SQRT_M1));

    r = select(r, mul(SQRT_M1, r), flipped_sign_sqrt | flipped_sign_sqrt_i);
    root = absolute(r);
    return correct_sign_sqrt | flipped_sign_sqrt;
}

}  // namespace assent
