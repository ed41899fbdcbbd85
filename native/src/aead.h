// ChaCha20-Poly1305 (RFC 8439) under a key that serves for one message only, hence with the nonce zero.
#pragma once

#include "bytes.h"

namespace assent {

constexpr size_t AEAD_KEY = 32;
constexpr size_t AEAD_TAG = 16;

// sealed = ciphertext || tag, plaintext.size + 16 bytes. The key must never seal a second message.
void seal_once(uint8_t *sealed, const uint8_t key[AEAD_KEY], Bytes associated, Bytes plaintext);

// Returns 1 and the sealed.size - 16 bytes of plaintext, or 0 and as many zeros. Requires sealed.size >= 16.
uint64_t open_once(uint8_t *plaintext, const uint8_t key[AEAD_KEY], Bytes associated, Bytes sealed);

}  // namespace assent
