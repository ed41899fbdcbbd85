// Poly1305 (RFC 8439 section 2.5), a one-time authenticator; constant time in key and message.
#pragma once

#include "bytes.h"

namespace assent {

class Poly1305 {
  public:
    explicit Poly1305(const uint8_t one_time_key[32]);
    ~Poly1305();
    Poly1305(const Poly1305 &) = delete;
    Poly1305 &operator=(const Poly1305 &) = delete;

    // Absorbs bytes followed by zeros up to a multiple of 16, as the AEAD of RFC 8439 section 2.8 pads its parts.
    void update_padded(Bytes bytes);
    void finish(uint8_t tag[16]);

  private:
    void block(const uint8_t bytes[16]);

    uint64_t r_[3], h_[3] = {0, 0, 0}, pad_[2];  // r and h in limbs of 44, 44, 42 bits
};

}  // namespace assent
