#include "chacha20.h"

#include "secret.h"

namespace assent {

namespace {

inline uint32_t rotate_left(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

// Section 2.1
inline void quarter_round(uint32_t s[16], int a, int b, int c, int d) {
    s[a] += s[b];
    s[d] = rotate_left(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate_left(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate_left(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate_left(s[b] ^ s[c], 7);
}

}  // namespace

void chacha20_block(uint8_t stream[64], const uint8_t key[32], uint32_t counter) {
    uint32_t initial[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 8; i++) initial[4 + i] = load32_le(key + 4 * i);
    initial[12] = counter;
    uint32_t s[16];
    std::memcpy(s, initial, sizeof s);
    for (int i = 0; i < 10; i++) {
        quarter_round(s, 0, 4, 8, 12);
        quarter_round(s, 1, 5, 9, 13);
        quarter_round(s, 2, 6, 10, 14);
        quarter_round(s, 3, 7, 11, 15);
        quarter_round(s, 0, 5, 10, 15);
        quarter_round(s, 1, 6, 11, 12);
        quarter_round(s, 2, 7, 8, 13);
        quarter_round(s, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++) store32_le(stream + 4 * i, s[i] + initial[i]);
    wipe(initial, sizeof initial);
    wipe(s, sizeof s);
}

void chacha20_xor(uint8_t *out, const uint8_t key[32], uint32_t counter, Bytes in) {
    uint8_t stream[64];
    for (size_t at = 0; at < in.size; at += sizeof stream) {
        chacha20_block(stream, key, counter++);
        const size_t taken = in.size - at < sizeof stream ? in.size - at : sizeof stream;
        for (size_t i = 0; i < taken; i++) out[at + i] = in.data[at + i] ^ stream[i];
    }
    wipe(stream, sizeof stream);
}

}  // namespace assent
