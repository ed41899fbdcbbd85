#include "aead.h"

#include "poly1305.h"
#include "secret.h"

namespace assent {

// RFC 8439 section 2.6: the one-time key of Poly1305 is the head of key stream block 0.
OneTimeAead::OneTimeAead(const uint8_t *keys, size_t count) : keys_(keys), count_(count) {
    chacha20_blocks(mac_keys_, keys, count, 0);
}

OneTimeAead::~OneTimeAead() { wipe(mac_keys_, sizeof mac_keys_); }

// Section 2.8: AAD || pad || ciphertext || pad || u64 le size of AAD || u64 le size of ciphertext.
void OneTimeAead::authenticate(uint8_t tag[AEAD_TAG], size_t row, Bytes associated, Bytes ciphertext) const {
    uint8_t sizes[16];
    Poly1305 mac(mac_keys_ + row * CHACHA20_BLOCK);
    mac.update_padded(associated);
    mac.update_padded(ciphertext);
    store64_le(sizes, associated.size);
    store64_le(sizes + 8, ciphertext.size);
    mac.update_padded({sizes, sizeof sizes});
    mac.finish(tag);
}

void OneTimeAead::crypt(AeadRows<uint8_t> out, AeadRows<const uint8_t> in, size_t size, const uint8_t *kept) const {
    alignas(64) uint8_t stream[AEAD_GROUP * CHACHA20_BLOCK];
    const WipeAtExit<uint8_t[AEAD_GROUP * CHACHA20_BLOCK]> wipe_stream(stream);
    uint32_t counter = 1;
    for (size_t at = 0; at < size; at += CHACHA20_BLOCK) {
        chacha20_blocks(stream, keys_, count_, counter++);
        const size_t taken = size - at < CHACHA20_BLOCK ? size - at : CHACHA20_BLOCK;
        for (size_t row = 0; row < count_; row++) {
            const uint8_t *from = in[row] + at, *block = stream + row * CHACHA20_BLOCK;
            uint8_t *to = out[row] + at;
            for (size_t i = 0; i < taken; i++) to[i] = uint8_t((from[i] ^ block[i]) & kept[row]);
        }
    }
}

}  // namespace assent
