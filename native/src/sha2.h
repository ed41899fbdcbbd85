// SHA-256 and SHA-512 (FIPS 180-4): one construction over words of 32 or 64 bits.
#pragma once

#include "bytes.h"

namespace assent {

template <class Word>
Word load_be(const uint8_t *p) {
    if constexpr (sizeof(Word) == 4) {
        return load32_be(p);
    } else {
        return load64_be(p);
    }
}

template <class Word>
void store_be(uint8_t *p, Word word) {
    if constexpr (sizeof(Word) == 4) {
        store32_be(p, word);
    } else {
        store64_be(p, word);
    }
}

// The compression function over one block, given as words, which are used up, or as bytes.
template <class Word>
void sha2_compress(Word state[8], Word w[16]);
template <class Word>
void sha2_compress(Word state[8], const uint8_t *block);

template <class Word_>
class Sha2 {
  public:
    using Word = Word_;
    static constexpr size_t BLOCK = 16 * sizeof(Word);
    static constexpr size_t DIGEST = 8 * sizeof(Word);

    Sha2();
    // Goes on from the state after `size` bytes, whole blocks.
    Sha2(const Word state[8], uint64_t size);
    void update(const uint8_t *data, size_t size);
    void update(Bytes bytes) { update(bytes.data, bytes.size); }
    // Ends the hash; the object is then used up.
    void finish(uint8_t digest[DIGEST]);

    // What the constructor goes on from, at the end of a block.
    const Word *state() const { return state_; }
    uint64_t size() const { return size_; }

  private:
    Word state_[8];
    uint64_t size_ = 0;  // bytes so far; 2^61 of them are out of reach
    uint8_t block_[BLOCK];
};

using Sha256 = Sha2<uint32_t>;
using Sha512 = Sha2<uint64_t>;

extern template void sha2_compress(uint32_t[8], uint32_t[16]);
extern template void sha2_compress(uint64_t[8], uint64_t[16]);
extern template void sha2_compress(uint32_t[8], const uint8_t *);
extern template void sha2_compress(uint64_t[8], const uint8_t *);
extern template class Sha2<uint32_t>;
extern template class Sha2<uint64_t>;

}  // namespace assent
