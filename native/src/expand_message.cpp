#include "expand_message.h"

#include "secret.h"

namespace assent {

namespace {

// "HashToGroup-" || contextString, where contextString = "OPRFV1-" || I2OSP(0x00, 1) || "-" || identifier.
constexpr char OPRF_DST[] = "HashToGroup-OPRFV1-\0-ristretto255-SHA512";

void update_dst_prime(Sha512 &hash, Bytes dst) {
    const uint8_t size = uint8_t(dst.size);
    hash.update(dst);
    hash.update(&size, 1);
}

Sha512 hash_of_z_pad() {
    const uint8_t z_pad[Sha512::BLOCK] = {0};
    Sha512 hash;
    hash.update(z_pad, sizeof z_pad);
    return hash;
}

}  // namespace

void expand_message_xmd(uint8_t *uniform, size_t size, Bytes message, Bytes dst) {
    // The first block is the same zeros for every message: hashed once.
    static const Sha512 after_z_pad = hash_of_z_pad();

    uint8_t b0[Sha512::DIGEST], bi[Sha512::DIGEST] = {0};
    // Steps 4 to 7: b_0 = H(Z_pad || msg || l_i_b_str || I2OSP(0, 1) || DST_prime)
    const uint8_t length_and_zero[3] = {uint8_t(size >> 8), uint8_t(size), 0};
    Sha512 hash = after_z_pad;
    hash.update(message);
    hash.update(length_and_zero, sizeof length_and_zero);
    update_dst_prime(hash, dst);
    hash.finish(b0);
    wipe(&hash, sizeof hash);  // it held the end of the message
    // Steps 8 to 10: b_i = H(strxor(b_0, b_(i - 1)) || I2OSP(i, 1) || DST_prime), b_1 without the strxor
    for (uint8_t i = 1; size > 0; i++) {
        for (size_t j = 0; j < sizeof bi; j++) bi[j] ^= b0[j];
        Sha512 next;
        next.update(bi, sizeof bi);
        next.update(&i, 1);
        update_dst_prime(next, dst);
        next.finish(bi);
        wipe(&next, sizeof next);
        const size_t taken = size < sizeof bi ? size : sizeof bi;
        copy_bytes(uniform, bi, taken);
        uniform += taken;
        size -= taken;
    }
    wipe(b0, sizeof b0);
    wipe(bi, sizeof bi);
}

void expand_oprf_input(uint8_t uniform[64], Bytes input) {
    const Bytes dst = {reinterpret_cast<const uint8_t *>(OPRF_DST), sizeof OPRF_DST - 1};
    expand_message_xmd(uniform, 64, input, dst);
}

}  // namespace assent
