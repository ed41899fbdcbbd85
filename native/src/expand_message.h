// expand_message_xmd with SHA-512 (RFC 9380 section 5.3.1), and the suite's use of it.
#pragma once

#include "sha2.h"

namespace assent {

constexpr size_t MAX_EXPANDED = 255 * Sha512::DIGEST;
constexpr size_t MAX_DST = 255;

// Requires dst.size <= MAX_DST and size <= MAX_EXPANDED.
void expand_message_xmd(uint8_t *uniform, size_t size, Bytes message, Bytes dst);

// What the one-way map takes to make HashToGroup of RFC 9497 section 4.1, mode 0x00, for ristretto255-SHA512:
// 64 bytes for each of `count` inputs.
void expand_oprf_inputs(uint8_t *uniform, const Bytes *inputs, size_t count);

}  // namespace assent
