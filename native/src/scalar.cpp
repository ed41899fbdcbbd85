#include "scalar.h"

#include "bytes.h"
#include "secret.h"

namespace assent {

namespace {

using Wide = unsigned __int128;

constexpr uint64_t ORDER[4] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000};
constexpr uint64_t ORDER_MINUS_2[4] = {0x5812631a5cf5d3eb, 0x14def9dea2f79cd6, 0, 0x1000000000000000};
// Montgomery form with R = 2^256: -1/l mod 2^64, R^2 mod l and R mod l.
constexpr uint64_t MINUS_INVERSE = 0xd2b51da312547e1b;
constexpr Scalar R_SQUARED = {{0xa40611e3449c0f01, 0xd00e1ba768859347, 0xceec73d217f5be65, 0x0399411b7c309a3d}};
constexpr Scalar R_MOD_L = {{0xd6ec31748d98951d, 0xc6ef5bf4737dcf70, 0xfffffffffffffffe, 0x0fffffffffffffff}};
constexpr Scalar ONE = {{1, 0, 0, 0}};

// difference = a - l; returns 1 when a < l.
uint64_t subtract_order(uint64_t difference[4], const uint64_t a[4]) {
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        const Wide d = Wide(a[i]) - ORDER[i] - borrow;
        difference[i] = uint64_t(d);
        borrow = uint64_t(d >> 64) & 1;
    }
    return borrow;
}

// a mod l for a < 2l.
void reduce_once(Scalar &r, const uint64_t a[4]) {
    uint64_t difference[4];
    const uint64_t keep = mask_of(subtract_order(difference, a));
    for (int i = 0; i < 4; i++) r.w[i] = (a[i] & keep) | (difference[i] & ~keep);
    wipe(difference, sizeof difference);
}

// a * b / R mod l for a < 2^256, b < l: the result before the last step is below 2l.
void montgomery(Scalar &r, const uint64_t a[4], const uint64_t b[4]) {
    uint64_t t[6] = {0, 0, 0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 4; j++) {
            const Wide s = Wide(a[i]) * b[j] + t[j] + carry;
            t[j] = uint64_t(s);
            carry = uint64_t(s >> 64);
        }
        Wide top = Wide(t[4]) + carry;
        t[4] = uint64_t(top);
        t[5] = uint64_t(top >> 64);

        const uint64_t m = t[0] * MINUS_INVERSE;
        Wide s = Wide(m) * ORDER[0] + t[0];
        carry = uint64_t(s >> 64);
        for (int j = 1; j < 4; j++) {
            s = Wide(m) * ORDER[j] + t[j] + carry;
            t[j - 1] = uint64_t(s);
            carry = uint64_t(s >> 64);
        }
        top = Wide(t[4]) + carry;
        t[3] = uint64_t(top);
        t[4] = t[5] + uint64_t(top >> 64);
    }
    reduce_once(r, t);
    wipe(t, sizeof t);
}

void load_words(uint64_t w[4], const uint8_t *bytes) {
    for (int i = 0; i < 4; i++) w[i] = load64_le(bytes + 8 * i);
}

}  // namespace

uint64_t scalar_is_zero(const Scalar &scalar) {
    return is_zero(scalar.w[0] | scalar.w[1] | scalar.w[2] | scalar.w[3]);
}

uint64_t scalar_from_bytes(Scalar &scalar, const uint8_t bytes[32]) {
    load_words(scalar.w, bytes);
    uint64_t difference[4];
    const uint64_t below = subtract_order(difference, scalar.w);
    wipe(difference, sizeof difference);
    const uint64_t accepted = below & (1 ^ scalar_is_zero(scalar));
    for (uint64_t &word : scalar.w) word &= mask_of(accepted);
    return accepted;
}

void scalar_to_bytes(uint8_t bytes[32], const Scalar &scalar) {
    for (int i = 0; i < 4; i++) store64_le(bytes + 8 * i, scalar.w[i]);
}

void scalar_from_wide_bytes(Scalar &scalar, const uint8_t bytes[64]) {
    uint64_t low[4], high[4];
    Scalar a, b;
    const WipeAtExit<uint64_t[4]> wipe_low(low), wipe_high(high);
    const WipeAtExit<Scalar> wipe_a(a), wipe_b(b);
    load_words(low, bytes);
    load_words(high, bytes + 32);
    montgomery(a, low, R_SQUARED.w);   // low * R
    montgomery(a, a.w, ONE.w);         // low
    montgomery(b, high, R_SQUARED.w);  // high * 2^256
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        const Wide s = Wide(a.w[i]) + b.w[i] + carry;
        low[i] = uint64_t(s);
        carry = uint64_t(s >> 64);
    }
    reduce_once(scalar, low);
}

void scalar_invert(Scalar &inverse, const Scalar &a) {
    Scalar base, power = R_MOD_L;
    const WipeAtExit<Scalar> wipe_base(base), wipe_power(power);
    montgomery(base, a.w, R_SQUARED.w);
    for (int bit = 252; bit >= 0; bit--) {
        montgomery(power, power.w, power.w);
        // The exponent is public, so this branch tells nothing.
        if (ORDER_MINUS_2[bit / 64] >> (bit % 64) & 1) montgomery(power, power.w, base.w);
    }
    montgomery(inverse, power.w, ONE.w);
}

void half_digits(Digits &digits, const Scalar &scalar) {
    Scalar k = scalar;
    const WipeAtExit<Scalar> wipe_k(k);
    // l is odd: adding it to an odd k makes k even without changing it mod l; k + l < 2^254.
    const auto add_order_if = [&k](uint64_t bit) {
        const uint64_t mask = mask_of(bit);
        uint64_t carry = 0;
        for (int i = 0; i < 4; i++) {
            const Wide s = Wide(k.w[i]) + (ORDER[i] & mask) + carry;
            k.w[i] = uint64_t(s);
            carry = uint64_t(s >> 64);
        }
    };
    add_order_if(k.w[0] & 1);
    for (int i = 0; i < 3; i++) k.w[i] = k.w[i] >> 1 | k.w[i + 1] << 63;
    k.w[3] >>= 1;
    add_order_if(1 ^ (k.w[0] & 1));
    // k is odd. With every digit odd, bit 4(i+1) of k decides the sign of digit i.
    for (int i = 0; i < 63; i++) {
        const uint64_t low = k.w[i / 16] >> (4 * (i % 16)) & 15;
        const uint64_t next = k.w[(i + 1) / 16] >> (4 * ((i + 1) % 16)) & 1;
        digits.d[i] = int8_t(int((low | 1) | next << 4) - 16);
    }
    digits.d[63] = int8_t(k.w[3] >> 60 | 1);
}

}  // namespace assent
