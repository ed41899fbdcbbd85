// ChaCha20 (RFC 8439 sections 2.3 and 2.4) with the nonce zero, under several keys at once.
#pragma once

#include "bytes.h"

namespace assent {

constexpr size_t CHACHA20_LANES = 16;
constexpr size_t CHACHA20_KEY = 32;
constexpr size_t CHACHA20_BLOCK = 64;

// The constants of section 2.3, "expand 32-byte k".
constexpr uint32_t CHACHA20_CONSTANTS[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

// Block `counter` of the key stream of each of `count` <= CHACHA20_LANES keys: keys and blocks one after the other.
// Blocks has room for all lanes, and those behind `count` are undefined.
void chacha20_blocks(uint8_t *blocks, const uint8_t *keys, size_t count, uint32_t counter);

// All lanes with AVX-512; only chacha20_blocks may call it, and only where the processor has it.
void chacha20_blocks_avx512(uint8_t *blocks, const uint32_t (*key_words)[CHACHA20_LANES], uint32_t counter);

}  // namespace assent
