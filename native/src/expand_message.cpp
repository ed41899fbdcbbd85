#include "expand_message.h"

#include "lanes.h"
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

// The first block is the same zeros for every message: hashed once.
const Sha512 &hash_of_z_pad() {
    static const Sha512 after_z_pad = [] {
        const uint8_t z_pad[Sha512::BLOCK] = {0};
        Sha512 hash;
        hash.update(z_pad, sizeof z_pad);
        return hash;
    }();
    return after_z_pad;
}

}  // namespace

void expand_message_xmd(uint8_t *uniform, size_t size, Bytes message, Bytes dst) {
    uint8_t b0[Sha512::DIGEST], bi[Sha512::DIGEST] = {0};
    // Steps 4 to 7: b_0 = H(Z_pad || msg || l_i_b_str || I2OSP(0, 1) || DST_prime)
    const uint8_t length_and_zero[3] = {uint8_t(size >> 8), uint8_t(size), 0};
    Sha512 hash = hash_of_z_pad();
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

// Steps 4 to 10 for one block of output, ell = 1: b_0, then b_1 = H(b_0 || I2OSP(1, 1) || DST_prime).
void expand_oprf_inputs(uint8_t *uniform, const Bytes *inputs, size_t count) {
    // I2OSP(64, 2) || I2OSP(0 or 1, 1) || DST_prime
    constexpr size_t DST_SIZE = sizeof OPRF_DST - 1;
    uint8_t tail[3 + DST_SIZE + 1] = {0, Sha512::DIGEST, 0};
    std::memcpy(tail + 3, OPRF_DST, DST_SIZE);
    tail[3 + DST_SIZE] = DST_SIZE;
    uint8_t last[1 + DST_SIZE + 1];
    std::memcpy(last, tail + 2, sizeof last);
    last[0] = 1;

    LaneHash<uint64_t> lanes;
    for_each_group<uint64_t>(count, [&](size_t first, size_t group) {
        lanes.begin(hash_of_z_pad());
        lanes.absorb(group, [&](auto &message, size_t lane) {
            message.update(inputs[first + lane]);
            message.update(tail, sizeof tail);
        });
        lanes.rehash(Sha512(), {last, sizeof last});
        lanes.store(uniform + first * Sha512::DIGEST, group);
    });
}

}  // namespace assent
