#include "plain_hash.h"

#include "isa.h"

namespace assent {

namespace {

struct OneLane {
    using V = uint32_t;
    template <int BITS>
    static V rotate_right(V x) {
        return x >> BITS | x << (32 - BITS);
    }
    static V xor3(V x, V y, V z) { return x ^ y ^ z; }
    static V choose(V x, V y, V z) { return (x & y) ^ (~x & z); }
    static V majority(V x, V y, V z) { return (x & y) ^ (x & z) ^ (y & z); }
};

// Lane by lane.
template <class Function>
void absorb(PlainState<Function> &state, const uint8_t *bytes, size_t stride, const size_t *blocks) {
    uint32_t s[Function::WORDS], w[16];
    for (size_t lane = 0; lane < PLAIN_LANES; lane++) {
        if (blocks[lane] == 0) continue;
        for (size_t i = 0; i < Function::WORDS; i++) s[i] = state.word[i][lane];
        for (size_t block = 0; block < blocks[lane]; block++) {
            const uint8_t *const from = bytes + lane * stride + block * PLAIN_BLOCK;
            for (size_t i = 0; i < 16; i++) {
                w[i] = Function::BIG_ENDIAN_WORDS ? load32_be(from + 4 * i) : load32_le(from + 4 * i);
            }
            Function::template rounds<OneLane>(s, w);
        }
        for (size_t i = 0; i < Function::WORDS; i++) state.word[i][lane] = s[i];
    }
}

}  // namespace

template <class Function>
PlainAbsorb<Function> plain_absorb() {
#ifdef ASSENT_WITH_IFMA
    if (isa() == Isa::IFMA) return PlainAvx512<Function>::ABSORB;
#endif
    return absorb<Function>;
}

template PlainAbsorb<Md5> plain_absorb();
template PlainAbsorb<Sm3> plain_absorb();

}  // namespace assent
