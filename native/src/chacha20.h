// ChaCha20 (RFC 8439 section 2.4) with the nonce zero.
#pragma once

#include "bytes.h"

namespace assent {

// One block of key stream, section 2.3.
void chacha20_block(uint8_t stream[64], const uint8_t key[32], uint32_t counter);

// out = in xor key stream from the given block counter on; in and out may be the same.
void chacha20_xor(uint8_t *out, const uint8_t key[32], uint32_t counter, Bytes in);

}  // namespace assent
