#include "aead.h"

#include "chacha20.h"
#include "poly1305.h"
#include "secret.h"

namespace assent {

namespace {

// RFC 8439 section 2.8: the one-time key is the head of key stream block 0, and the message is
// AAD || pad || ciphertext || pad || u64 le size of AAD || u64 le size of ciphertext.
void authenticate(uint8_t tag[AEAD_TAG], const uint8_t key[AEAD_KEY], Bytes associated, Bytes ciphertext) {
    uint8_t stream[64], sizes[16];
    const WipeAtExit<uint8_t[64]> wipe_stream(stream);
    chacha20_block(stream, key, 0);
    Poly1305 mac(stream);
    mac.update_padded(associated);
    mac.update_padded(ciphertext);
    store64_le(sizes, associated.size);
    store64_le(sizes + 8, ciphertext.size);
    mac.update_padded({sizes, sizeof sizes});
    mac.finish(tag);
}

}  // namespace

void seal_once(uint8_t *sealed, const uint8_t key[AEAD_KEY], Bytes associated, Bytes plaintext) {
    chacha20_xor(sealed, key, 1, plaintext);
    authenticate(sealed + plaintext.size, key, associated, {sealed, plaintext.size});
}

uint64_t open_once(uint8_t *plaintext, const uint8_t key[AEAD_KEY], Bytes associated, Bytes sealed) {
    const Bytes ciphertext = {sealed.data, sealed.size - AEAD_TAG};
    uint8_t tag[AEAD_TAG];
    authenticate(tag, key, associated, ciphertext);
    if (!equal_bytes(tag, sealed.data + ciphertext.size, AEAD_TAG)) {
        // No byte of an unauthenticated plaintext ever exists.
        for (size_t i = 0; i < ciphertext.size; i++) plaintext[i] = 0;
        return 0;
    }
    chacha20_xor(plaintext, key, 1, ciphertext);
    return 1;
}

}  // namespace assent
