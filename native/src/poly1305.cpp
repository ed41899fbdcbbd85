#include "poly1305.h"

#include "secret.h"

namespace assent {

namespace {

using Wide = unsigned __int128;

constexpr uint64_t MASK44 = (uint64_t(1) << 44) - 1;
constexpr uint64_t MASK42 = (uint64_t(1) << 42) - 1;

}  // namespace

Poly1305::Poly1305(const uint8_t key[32]) {
    // Section 2.5: r is clamped, s is added at the end.
    const uint64_t low = load64_le(key) & 0x0ffffffc0fffffff, high = load64_le(key + 8) & 0x0ffffffc0ffffffc;
    r_[0] = low & MASK44;
    r_[1] = (low >> 44 | high << 20) & MASK44;
    r_[2] = high >> 24;
    pad_[0] = load64_le(key + 16);
    pad_[1] = load64_le(key + 24);
}

Poly1305::~Poly1305() {
    wipe(r_, sizeof r_);
    wipe(h_, sizeof h_);
    wipe(pad_, sizeof pad_);
}

void Poly1305::block(const uint8_t bytes[16]) {
    const uint64_t low = load64_le(bytes), high = load64_le(bytes + 8);
    const uint64_t h0 = h_[0] + (low & MASK44);
    const uint64_t h1 = h_[1] + ((low >> 44 | high << 20) & MASK44);
    const uint64_t h2 = h_[2] + (high >> 24 | uint64_t(1) << 40);
    // 2^132 = 4 * 2^130 = 20 mod 2^130 - 5
    const uint64_t s1 = 20 * r_[1], s2 = 20 * r_[2];
    Wide d0 = Wide(h0) * r_[0] + Wide(h1) * s2 + Wide(h2) * s1;
    Wide d1 = Wide(h0) * r_[1] + Wide(h1) * r_[0] + Wide(h2) * s2;
    Wide d2 = Wide(h0) * r_[2] + Wide(h1) * r_[1] + Wide(h2) * r_[0];
    d1 += uint64_t(d0 >> 44);
    d2 += uint64_t(d1 >> 44);
    h_[0] = (uint64_t(d0) & MASK44) + 5 * uint64_t(d2 >> 42);
    h_[1] = (uint64_t(d1) & MASK44) + (h_[0] >> 44);
    h_[0] &= MASK44;
    h_[2] = uint64_t(d2) & MASK42;
}

void Poly1305::update_padded(Bytes bytes) {
    size_t at = 0;
    for (; bytes.size - at >= 16; at += 16) block(bytes.data + at);
    if (at < bytes.size) {
        uint8_t last[16] = {0};
        copy_bytes(last, bytes.data + at, bytes.size - at);
        block(last);
    }
}

void Poly1305::finish(uint8_t tag[16]) {
    // Carry fully, twice round: then h < 2^130 with clean limbs.
    uint64_t h0 = h_[0], h1 = h_[1], h2 = h_[2];
    for (int i = 0; i < 2; i++) {
        h1 += h0 >> 44;
        h0 &= MASK44;
        h2 += h1 >> 44;
        h1 &= MASK44;
        h0 += 5 * (h2 >> 42);
        h2 &= MASK42;
    }
    h1 += h0 >> 44;
    h0 &= MASK44;
    // g = h + 5 - 2^130 is the reduced value when it does not go below zero.
    const uint64_t g0 = h0 + 5, g1 = h1 + (g0 >> 44), g2 = h2 + (g1 >> 44);
    const uint64_t reduce = mask_of(g2 >> 42 & 1);
    h0 = (h0 & ~reduce) | (g0 & MASK44 & reduce);
    h1 = (h1 & ~reduce) | (g1 & MASK44 & reduce);
    h2 = (h2 & ~reduce) | (g2 & MASK42 & reduce);

    const uint64_t low = h0 | h1 << 44, high = h1 >> 20 | h2 << 24;
    const Wide sum = Wide(low) + pad_[0];
    store64_le(tag, uint64_t(sum));
    store64_le(tag + 8, high + pad_[1] + uint64_t(sum >> 64));
}

}  // namespace assent
