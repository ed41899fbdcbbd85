// SHA-256 and SHA-512 (FIPS 180-4): one construction over words of 32 or 64 bits.
#pragma once

#include "bytes.h"

namespace assent {

template <class Word>
class Sha2 {
  public:
    static constexpr size_t BLOCK = 16 * sizeof(Word);
    static constexpr size_t DIGEST = 8 * sizeof(Word);

    Sha2();
    void update(const uint8_t *data, size_t size);
    void update(Bytes bytes) { update(bytes.data, bytes.size); }
    // Ends the hash; the object is then used up.
    void finish(uint8_t digest[DIGEST]);

  private:
    Word state_[8];
    uint64_t size_ = 0;  // bytes so far; 2^61 of them are out of reach
    uint8_t block_[BLOCK];
};

using Sha256 = Sha2<uint32_t>;
using Sha512 = Sha2<uint64_t>;

extern template class Sha2<uint32_t>;
extern template class Sha2<uint64_t>;

}  // namespace assent
