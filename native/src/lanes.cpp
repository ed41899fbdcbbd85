#include "lanes.h"

#include "isa.h"

namespace assent {

namespace {

// Lane by lane.
template <class Word>
struct Portable {
    static void absorb(LaneState<Word> &state, const uint8_t *bytes, size_t stride, const size_t *blocks) {
        Word s[8];
        for (size_t lane = 0; lane < LANES<Word>; lane++) {
            if (blocks[lane] == 0) continue;
            for (size_t i = 0; i < 8; i++) s[i] = state.word[i][lane];
            for (size_t i = 0; i < blocks[lane]; i++) {
                sha2_compress(s, bytes + lane * stride + i * Sha2<Word>::BLOCK);
            }
            for (size_t i = 0; i < 8; i++) state.word[i][lane] = s[i];
        }
        wipe(s, sizeof s);
    }

    static void compress(LaneState<Word> &state, const LaneBlock<Word> &block, uint32_t lanes) {
        Word s[8], w[16];
        for (size_t lane = 0; lane < LANES<Word>; lane++) {
            if (!(lanes >> lane & 1)) continue;
            for (size_t i = 0; i < 8; i++) s[i] = state.word[i][lane];
            for (size_t i = 0; i < 16; i++) w[i] = block.word[i][lane];
            sha2_compress(s, w);
            for (size_t i = 0; i < 8; i++) state.word[i][lane] = s[i];
        }
        wipe(s, sizeof s);
        wipe(w, sizeof w);
    }

    static void store(uint8_t *digests, const LaneState<Word> &state) {
        for (size_t lane = 0; lane < LANES<Word>; lane++) {
            for (size_t i = 0; i < 8; i++) store_be<Word>(digests + (8 * lane + i) * sizeof(Word), state.word[i][lane]);
        }
    }

    static constexpr LaneOps<Word> OPS = {absorb, compress, store};
};

}  // namespace

template <class Word>
LaneOps<Word> lane_ops() {
#ifdef ASSENT_WITH_IFMA
    if (isa() == Isa::IFMA) return Avx512<Word>::OPS;
#endif
    return Portable<Word>::OPS;
}

template LaneOps<uint32_t> lane_ops();
template LaneOps<uint64_t> lane_ops();

}  // namespace assent
