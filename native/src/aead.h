// ChaCha20-Poly1305 (RFC 8439) under keys that serve for one message each, hence with the nonce zero; for groups of
// rows, one key for each row.
#pragma once

#include "bytes.h"
#include "chacha20.h"

namespace assent {

constexpr size_t AEAD_KEY = CHACHA20_KEY;
constexpr size_t AEAD_TAG = 16;
constexpr size_t AEAD_GROUP = CHACHA20_LANES;

// Rows of a group, `stride` bytes apart; all messages of a group have one size.
template <class Byte>
struct AeadRows {
    Byte *bytes;
    size_t stride;

    Byte *operator[](size_t i) const { return bytes + i * stride; }
};

// `count` <= AEAD_GROUP keys, one after the other; wiped when it dies.
class OneTimeAead {
  public:
    OneTimeAead(const uint8_t *keys, size_t count);
    ~OneTimeAead();
    OneTimeAead(const OneTimeAead &) = delete;
    OneTimeAead &operator=(const OneTimeAead &) = delete;

    // The tag of RFC 8439 section 2.8 over one row's associated data and ciphertext.
    void authenticate(uint8_t tag[AEAD_TAG], size_t row, Bytes associated, Bytes ciphertext) const;

    // out = in xor key stream, which seals and opens; zeros for rows whose `kept` is 0, all ones to keep the row: no
    // byte of an unauthenticated plaintext ever exists in memory.
    void crypt(AeadRows<uint8_t> out, AeadRows<const uint8_t> in, size_t size, const uint8_t *kept) const;

  private:
    const uint8_t *const keys_;
    const size_t count_;
    alignas(64) uint8_t mac_keys_[AEAD_GROUP * CHACHA20_BLOCK];
};

}  // namespace assent
