// MD5 and SM3 of many short messages, 16 at once. They make the two sides' texts equal and protect nothing: unlike
// lanes.h, nothing here is wiped.
#pragma once

#include "bytes.h"
#include "plain_rounds.h"

namespace assent {

constexpr size_t PLAIN_LANES = 16, PLAIN_BLOCK = 64;

// The words of all lanes side by side: word[i][lane].
template <class Function>
struct alignas(64) PlainState {
    uint32_t word[Function::WORDS][PLAIN_LANES];
};

// The compression function over blocks[lane] blocks of bytes in every lane, the lanes `stride` bytes apart.
template <class Function>
using PlainAbsorb = void (*)(PlainState<Function> &state, const uint8_t *bytes, size_t stride, const size_t *blocks);

// That of the instruction set in use.
template <class Function>
PlainAbsorb<Function> plain_absorb();
extern template PlainAbsorb<Md5> plain_absorb();
extern template PlainAbsorb<Sm3> plain_absorb();

// That of AVX-512; only plain_absorb may take it, and only where the processor has it.
template <class Function>
struct PlainAvx512 {
    static const PlainAbsorb<Function> ABSORB;
};
template <>
const PlainAbsorb<Md5> PlainAvx512<Md5>::ABSORB;
template <>
const PlainAbsorb<Sm3> PlainAvx512<Sm3>::ABSORB;

// A message on its way into the blocks of its lane, padded at its end: a one bit, zeros, its length in bits.
template <class Function>
class PlainMessage {
  public:
    static constexpr size_t BLOCKS = 4, BYTES = BLOCKS * PLAIN_BLOCK, LENGTH = 8;

    PlainMessage() = default;
    explicit PlainMessage(Bytes message) : rest_(message), size_(message.size), begun_(true) {}

    // Writes the next blocks, at most BLOCKS of them, and returns how many; 0 at the end.
    size_t stage(uint8_t *to) {
        if (!begun_) return 0;
        size_t size = rest_.size < BYTES ? rest_.size : BYTES;
        copy_bytes(to, rest_.data, size);
        if (size != 0) rest_ = {rest_.data + size, rest_.size - size};
        if (size == BYTES) return BLOCKS;
        std::memset(to + size, 0, BYTES - size);
        if (!marked_) to[size++] = 0x80;
        marked_ = true;
        if (size > BYTES - LENGTH) return BLOCKS;  // the length goes into a block of its own
        const size_t end = (size + LENGTH + PLAIN_BLOCK - 1) / PLAIN_BLOCK * PLAIN_BLOCK;
        const uint64_t bits = size_ << 3;
        if constexpr (Function::BIG_ENDIAN_WORDS) {
            store64_be(to + end - LENGTH, bits);
        } else {
            store64_le(to + end - LENGTH, bits);
        }
        begun_ = false;
        return end / PLAIN_BLOCK;
    }

  private:
    Bytes rest_ = {nullptr, 0};
    uint64_t size_ = 0;
    bool begun_ = false, marked_ = false;
};

// The digests of up to PLAIN_LANES messages.
template <class Function>
class PlainHash {
  public:
    static constexpr size_t DIGEST = 4 * Function::WORDS;

    PlainHash() : absorb_(plain_absorb<Function>()) {}

    // message(lane) returns the bytes of a lane; the digests are written one after the other.
    template <class Message>
    void operator()(size_t count, const Message &message, uint8_t *digests) {
        PlainMessage<Function> messages[PLAIN_LANES];
        for (size_t lane = 0; lane < count; lane++) messages[lane] = PlainMessage<Function>(message(lane));
        for (size_t i = 0; i < Function::WORDS; i++) {
            for (size_t lane = 0; lane < PLAIN_LANES; lane++) state_.word[i][lane] = Function::INITIAL[i];
        }
        for (;;) {
            size_t blocks[PLAIN_LANES], all = 0;
            for (size_t lane = 0; lane < PLAIN_LANES; lane++) {
                all += blocks[lane] = messages[lane].stage(staged_ + lane * PlainMessage<Function>::BYTES);
            }
            if (all == 0) break;
            absorb_(state_, staged_, PlainMessage<Function>::BYTES, blocks);
        }
        for (size_t lane = 0; lane < count; lane++) {
            for (size_t i = 0; i < Function::WORDS; i++) {
                uint8_t *const to = digests + lane * DIGEST + 4 * i;
                if constexpr (Function::BIG_ENDIAN_WORDS) {
                    store32_be(to, state_.word[i][lane]);
                } else {
                    store32_le(to, state_.word[i][lane]);
                }
            }
        }
    }

  private:
    const PlainAbsorb<Function> absorb_;
    PlainState<Function> state_;
    alignas(64) uint8_t staged_[PLAIN_LANES * PlainMessage<Function>::BYTES] = {0};
};

}  // namespace assent
