// ChaCha20 under 16 keys (RFC 8439); compiled for AVX-512 alone, see lanes_avx512.h.
#include "lanes_avx512.h"

#include "chacha20.h"
#include "chacha20_rounds.h"

namespace assent {

void chacha20_blocks_avx512(uint8_t *blocks, const uint32_t (*key_words)[CHACHA20_LANES], uint32_t counter) {
    using V = Vector32::V;
    const V zero = {};
    V initial[16], s[16];
    for (size_t i = 0; i < 4; i++) initial[i] = zero + CHACHA20_CONSTANTS[i];
    for (size_t i = 0; i < 8; i++) initial[4 + i] = load<Vector32>(key_words[i]);
    initial[12] = zero + counter;
    for (size_t i = 13; i < 16; i++) initial[i] = zero;
    for (size_t i = 0; i < 16; i++) s[i] = initial[i];
    chacha20_rounds(s);
    for (size_t i = 0; i < 16; i++) s[i] += initial[i];
    transpose<Vector32>(s);
    for (size_t i = 0; i < 16; i++) store(blocks + i * CHACHA20_BLOCK, s[i]);
}

}  // namespace assent
