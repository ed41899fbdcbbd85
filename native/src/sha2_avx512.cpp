// SHA-256 in 16 lanes and SHA-512 in 8 (FIPS 180-4); compiled for AVX-512 alone, see lanes_avx512.h.
#include "lanes_avx512.h"
#include "lanes.h"
#include "sha2_rounds.h"

namespace assent {

namespace {

template <class Lane>
void absorb(LaneState<typename Lane::Word> &state, const uint8_t *bytes, size_t stride, const size_t *blocks) {
    constexpr size_t N = LANES<typename Lane::Word>;
    typename Lane::V s[8], after[8], w[16];
    for (size_t i = 0; i < 8; i++) s[i] = load<Lane>(state.word[i]);
    size_t most = 0;
    for (size_t lane = 0; lane < N; lane++) most = blocks[lane] > most ? blocks[lane] : most;
    for (size_t block = 0; block < most; block++) {
        uint32_t lanes = 0;
        for (size_t lane = 0; lane < N; lane++) lanes |= uint32_t(block < blocks[lane]) << lane;
        load_words<Lane, true>(w, bytes + block * 16 * sizeof(typename Lane::Word), stride);
        for (size_t i = 0; i < 8; i++) after[i] = s[i];
        sha2_rounds<Lane>(after, w);
        for (size_t i = 0; i < 8; i++) s[i] = Lane::blend(lanes, s[i], after[i]);
    }
    for (size_t i = 0; i < 8; i++) store(state.word[i], s[i]);
}

template <class Lane>
void compress(LaneState<typename Lane::Word> &state, const LaneBlock<typename Lane::Word> &block, uint32_t) {
    typename Lane::V s[8], w[16];
    for (size_t i = 0; i < 8; i++) s[i] = load<Lane>(state.word[i]);
    for (size_t i = 0; i < 16; i++) w[i] = load<Lane>(block.word[i]);
    sha2_rounds<Lane>(s, w);
    for (size_t i = 0; i < 8; i++) store(state.word[i], s[i]);
}

template <class Lane>
void store_digests(uint8_t *digests, const LaneState<typename Lane::Word> &state) {
    constexpr size_t N = LANES<typename Lane::Word>, DIGEST = 8 * sizeof(typename Lane::Word);
    typename Lane::V rows[N] = {};
    for (size_t i = 0; i < 8; i++) rows[i] = load<Lane>(state.word[i]);
    transpose<Lane>(rows);
    for (size_t i = 0; i < N; i++) {
        _mm512_mask_storeu_epi64(digests + i * DIGEST, __mmask8((1 << sizeof(typename Lane::Word)) - 1),
                                 (__m512i)swap_bytes<Lane>(rows[i]));
    }
}

}  // namespace

template <>
const LaneOps<uint32_t> Avx512<uint32_t>::OPS = {absorb<Lanes32>, compress<Lanes32>, store_digests<Lanes32>};
template <>
const LaneOps<uint64_t> Avx512<uint64_t>::OPS = {absorb<Lanes64>, compress<Lanes64>, store_digests<Lanes64>};

}  // namespace assent
