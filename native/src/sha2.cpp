#include "sha2.h"

#include "secret.h"
#include "sha2_rounds.h"

namespace assent {

namespace {

// One message at a time.
template <class Word_>
struct OneLane {
    using Word = Word_;
    using V = Word;
    template <int BITS>
    static V rotate_right(V x) {
        return x >> BITS | x << (8 * int(sizeof(V)) - BITS);
    }
    static V xor3(V x, V y, V z) { return x ^ y ^ z; }
    static V choose(V x, V y, V z) { return (x & y) ^ (~x & z); }
    static V majority(V x, V y, V z) { return (x & y) ^ (x & z) ^ (y & z); }
};

}  // namespace

template <class Word>
void sha2_compress(Word state[8], Word w[16]) {
    sha2_rounds<OneLane<Word>>(state, w);
}

template <class Word>
void sha2_compress(Word state[8], const uint8_t *block) {
    Word w[16];
    // From the words that a block leaves behind the block can be told, and it may be the pad of a key.
    const WipeAtExit<Word[16]> wipe_schedule(w);
    for (size_t i = 0; i < 16; i++) w[i] = load_be<Word>(block + sizeof(Word) * i);
    sha2_rounds<OneLane<Word>>(state, w);
}

template <class Word>
Sha2<Word>::Sha2() : Sha2(Figures<Word>::INITIAL, 0) {}

template <class Word>
Sha2<Word>::Sha2(const Word state[8], uint64_t size) : size_(size) {
    for (int i = 0; i < 8; i++) state_[i] = state[i];
}

template <class Word>
void Sha2<Word>::update(const uint8_t *data, size_t size) {
    const size_t held = size_ % BLOCK;
    size_ += size;
    if (held != 0) {
        const size_t room = BLOCK - held;
        if (size < room) {
            copy_bytes(block_ + held, data, size);
            return;
        }
        copy_bytes(block_ + held, data, room);
        sha2_compress(state_, block_);
        data += room;
        size -= room;
    }
    for (; size >= BLOCK; data += BLOCK, size -= BLOCK) sha2_compress(state_, data);
    copy_bytes(block_, data, size);
}

template <class Word>
void Sha2<Word>::finish(uint8_t digest[DIGEST]) {
    size_t held = size_ % BLOCK;
    block_[held++] = 0x80;
    if (held > BLOCK - 2 * sizeof(Word)) {
        std::memset(block_ + held, 0, BLOCK - held);
        sha2_compress(state_, block_);
        held = 0;
    }
    std::memset(block_ + held, 0, BLOCK - 8 - held);
    store64_be(block_ + BLOCK - 8, size_ << 3);
    sha2_compress(state_, block_);
    for (int i = 0; i < 8; i++) store_be<Word>(digest + sizeof(Word) * i, state_[i]);
}

template void sha2_compress(uint32_t[8], uint32_t[16]);
template void sha2_compress(uint64_t[8], uint64_t[16]);
template void sha2_compress(uint32_t[8], const uint8_t *);
template void sha2_compress(uint64_t[8], const uint8_t *);
template class Sha2<uint32_t>;
template class Sha2<uint64_t>;

}  // namespace assent
