#include "chacha20.h"

#include "chacha20_rounds.h"
#include "isa.h"
#include "lanes.h"
#include "secret.h"

namespace assent {

namespace {

using KeyWords = LaneWords<uint32_t, 8>;

void one_block(uint8_t block[CHACHA20_BLOCK], const uint8_t key[CHACHA20_KEY], uint32_t counter) {
    uint32_t initial[16] = {0}, s[16];
    std::memcpy(initial, CHACHA20_CONSTANTS, sizeof CHACHA20_CONSTANTS);
    for (size_t i = 0; i < 8; i++) initial[4 + i] = load32_le(key + 4 * i);
    initial[12] = counter;
    std::memcpy(s, initial, sizeof s);
    chacha20_rounds(s);
    for (size_t i = 0; i < 16; i++) store32_le(block + 4 * i, s[i] + initial[i]);
    wipe(initial, sizeof initial);
    wipe(s, sizeof s);
}

}  // namespace

void chacha20_blocks(uint8_t *blocks, const uint8_t *keys, size_t count, uint32_t counter) {
#ifdef ASSENT_WITH_IFMA
    if (isa() == Isa::IFMA) {
        KeyWords words = {};
        const WipeAtExit<KeyWords> wipe_words(words);
        for (size_t lane = 0; lane < count; lane++) {
            for (size_t i = 0; i < 8; i++) words.word[i][lane] = load32_le(keys + lane * CHACHA20_KEY + 4 * i);
        }
        chacha20_blocks_avx512(blocks, words.word, counter);
        return;
    }
#endif
    for (size_t lane = 0; lane < count; lane++) {
        one_block(blocks + lane * CHACHA20_BLOCK, keys + lane * CHACHA20_KEY, counter);
    }
}

}  // namespace assent
