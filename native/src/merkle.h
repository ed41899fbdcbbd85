// The Merkle tree hash of RFC 6962 section 2.1 over leaves that arrive in order.
#pragma once

#include "sha2.h"

namespace assent {

class MerkleTree {
  public:
    static constexpr size_t DIGEST = Sha256::DIGEST;

    // Appends `rows` leaves of `width` bytes each.
    void add(const uint8_t *leaves, uint64_t rows, size_t width);
    // Of all leaves so far; more may follow.
    void root(uint8_t digest[DIGEST]) const;

  private:
    uint64_t leaves_ = 0;
    // Roots of the complete subtrees so far, largest first: one per set bit of the count.
    uint8_t roots_[64][DIGEST];
    size_t depth_ = 0;
};

}  // namespace assent
