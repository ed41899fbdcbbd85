// MD5 and SM3 in 16 lanes; compiled for AVX-512 alone, see lanes_avx512.h.
#include "lanes_avx512.h"
#include "plain_hash.h"

namespace assent {

namespace {

template <class Function>
void absorb(PlainState<Function> &state, const uint8_t *bytes, size_t stride, const size_t *blocks) {
    Lanes32::V s[Function::WORDS], after[Function::WORDS], w[16];
    for (size_t i = 0; i < Function::WORDS; i++) s[i] = load<Lanes32>(state.word[i]);
    size_t most = 0;
    for (size_t lane = 0; lane < PLAIN_LANES; lane++) most = blocks[lane] > most ? blocks[lane] : most;
    for (size_t block = 0; block < most; block++) {
        uint32_t lanes = 0;
        for (size_t lane = 0; lane < PLAIN_LANES; lane++) lanes |= uint32_t(block < blocks[lane]) << lane;
        load_words<Lanes32, Function::BIG_ENDIAN_WORDS>(w, bytes + block * PLAIN_BLOCK, stride);
        for (size_t i = 0; i < Function::WORDS; i++) after[i] = s[i];
        Function::template rounds<Lanes32>(after, w);
        for (size_t i = 0; i < Function::WORDS; i++) s[i] = Lanes32::blend(lanes, s[i], after[i]);
    }
    for (size_t i = 0; i < Function::WORDS; i++) store(state.word[i], s[i]);
}

}  // namespace

template <>
const PlainAbsorb<Md5> PlainAvx512<Md5>::ABSORB = absorb<Md5>;
template <>
const PlainAbsorb<Sm3> PlainAvx512<Sm3>::ABSORB = absorb<Sm3>;

}  // namespace assent
