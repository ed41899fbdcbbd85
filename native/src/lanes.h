// Many short messages hashed at once, one in each lane of a vector register: 16 of SHA-256, 8 of SHA-512.
//
// The time that a group takes depends on the sizes of its messages, which are public, never on their bytes.
#pragma once

#include "secret.h"
#include "sha2.h"

namespace assent {

template <class Word>
constexpr size_t LANES = 64 / sizeof(Word);

// Words of all lanes side by side: word[i][lane].
template <class Word, size_t WORDS>
struct alignas(64) LaneWords {
    Word word[WORDS][LANES<Word>];
};

template <class Word>
using LaneState = LaneWords<Word, 8>;
template <class Word>
using LaneBlock = LaneWords<Word, 16>;

// What an instruction set supplies.
template <class Word>
struct LaneOps {
    // The compression function over blocks[lane] blocks of bytes in every lane, the lanes `stride` bytes apart.
    void (*absorb)(LaneState<Word> &state, const uint8_t *bytes, size_t stride, const size_t *blocks);
    // The compression function over one block of words in the lanes whose bit is set; the others may take any state.
    void (*compress)(LaneState<Word> &state, const LaneBlock<Word> &block, uint32_t lanes);
    // Writes the digests of all lanes, one after the other.
    void (*store)(uint8_t *digests, const LaneState<Word> &state);
};

// Those of the instruction set in use.
template <class Word>
LaneOps<Word> lane_ops();
extern template LaneOps<uint32_t> lane_ops();
extern template LaneOps<uint64_t> lane_ops();

// Those of AVX-512; only lane_ops may take them, and only where the processor has it.
template <class Word>
struct Avx512 {
    static const LaneOps<Word> OPS;
};
template <>
const LaneOps<uint32_t> Avx512<uint32_t>::OPS;
template <>
const LaneOps<uint64_t> Avx512<uint64_t>::OPS;

// One message on its way into the blocks of its lane, padded at the end as FIPS 180-4 section 5.1 says. What has no
// room is counted but not kept.
template <class Word>
class LaneMessage {
  public:
    static constexpr size_t BLOCK = Sha2<Word>::BLOCK;
    static constexpr size_t BYTES = 4 * BLOCK;
    static constexpr size_t SLACK = 16;  // may be overwritten behind the blocks
    static constexpr size_t LENGTH = 2 * sizeof(Word);

    explicit LaneMessage(uint8_t *bytes) : bytes_(bytes) {}

    void update(const uint8_t *data, size_t size) {
        if (size <= BYTES && size_ <= BYTES - size) copy_bytes(bytes_ + size_, data, size);
        size_ += size;
    }
    void update(Bytes bytes) { update(bytes.data, bytes.size); }

    // Returns the number of blocks, 0 when they would be too many. `before`: bytes hashed earlier, whole blocks.
    size_t pad(uint64_t before) {
        if (size_ > BYTES - LENGTH - 1) return 0;
        const size_t blocks = (size_ + 1 + LENGTH + BLOCK - 1) / BLOCK, end = blocks * BLOCK;
        for (size_t at = size_; at < end; at += SLACK) std::memset(bytes_ + at, 0, SLACK);
        bytes_[size_] = 0x80;
        store64_be(bytes_ + end - 8, (before + size_) << 3);
        return blocks;
    }

  private:
    uint8_t *const bytes_;
    size_t size_ = 0;
};

// Calls work(first, count) for groups of as many rows as there are lanes, the last one perhaps of fewer.
template <class Word, class Work>
void for_each_group(size_t rows, const Work &work) {
    for (size_t first = 0; first < rows; first += LANES<Word>) {
        work(first, rows - first < LANES<Word> ? rows - first : LANES<Word>);
    }
}

// One hash in every lane, with the working memory for it; wiped when it dies.
//
//     LaneHash<uint64_t> lanes;
//     lanes.begin(Sha512());
//     lanes.absorb(count, [&](auto &message, size_t lane) { message.update(row(lane)); });
//     lanes.store(digests, count);
template <class Word>
class LaneHash {
  public:
    using Hash = Sha2<Word>;
    static constexpr size_t COUNT = LANES<Word>;
    static constexpr size_t BLOCK = Hash::BLOCK;
    static constexpr size_t DIGEST = Hash::DIGEST;

    LaneHash() : ops_(lane_ops<Word>()) {}
    ~LaneHash() {
        wipe(&state_, sizeof state_);
        wipe(&block_, sizeof block_);
        wipe(staged_, sizeof staged_);
    }
    LaneHash(const LaneHash &) = delete;
    LaneHash &operator=(const LaneHash &) = delete;

    // Every lane goes on from the same hash, which is at the end of a block.
    void begin(const Hash &start) {
        for (size_t i = 0; i < 8; i++) {
            for (size_t lane = 0; lane < COUNT; lane++) state_.word[i][lane] = start.state()[i];
        }
        before_ = start.size();
    }

    // Every lane goes on from a state of its own after `before` bytes, whole blocks.
    void begin(const LaneState<Word> &start, uint64_t before) {
        state_ = start;
        before_ = before;
    }

    // Ends the hash of the first `count` lanes: write(message, lane) feeds the rest of the lane's message to
    // message.update; it is called a second time for a message of many blocks, which is hashed by itself.
    template <class Write>
    void absorb(size_t count, const Write &write) {
        size_t blocks[COUNT] = {0};
        active_ = uint32_t((uint64_t(1) << count) - 1);
        for (size_t lane = 0; lane < count; lane++) {
            LaneMessage<Word> message(staged_ + lane * LaneMessage<Word>::BYTES);
            write(message, lane);
            blocks[lane] = message.pad(before_);
            if (blocks[lane] == 0) absorb_alone(lane, write);
        }
        ops_.absorb(state_, staged_, LaneMessage<Word>::BYTES, blocks);
    }

    // Replaces the digest in every lane absorbed into by H(what `start` has hashed || digest || tail). The tail is the same in every
    // lane and short enough for one block.
    void rehash(const Hash &start, Bytes tail = {nullptr, 0}) {
        digest_block(start.size(), tail);
        begin(start);
        ops_.compress(state_, block_, active_);
    }

    // The same, with a start for every lane.
    void rehash(const LaneState<Word> &start, uint64_t before) {
        digest_block(before, {nullptr, 0});
        begin(start, before);
        ops_.compress(state_, block_, active_);
    }

    // Replaces the digest in every lane by the state after the block digest xor pad, where `pad` fills the block:
    // how HMAC takes up a key (RFC 2104 section 2).
    void rekey(uint8_t pad) {
        const Word pads = Word(~Word(0)) / 0xff * pad;
        for (size_t i = 0; i < 16; i++) {
            for (size_t lane = 0; lane < COUNT; lane++) {
                block_.word[i][lane] = i < 8 ? state_.word[i][lane] ^ pads : pads;
            }
        }
        begin(Hash());
        ops_.compress(state_, block_, active_);
        before_ = BLOCK;
    }

    // Writes the digests of the first `count` lanes, one after the other.
    void store(uint8_t *digests, size_t count) const {
        if (count == COUNT) {
            ops_.store(digests, state_);
            return;
        }
        uint8_t all[COUNT * DIGEST];
        ops_.store(all, state_);
        copy_bytes(digests, all, count * DIGEST);
        wipe(all, sizeof all);
    }

    const LaneState<Word> &state() const { return state_; }

  private:
    template <class Write>
    void absorb_alone(size_t lane, const Write &write) {
        Word start[8];
        uint8_t digest[DIGEST];
        for (size_t i = 0; i < 8; i++) start[i] = state_.word[i][lane];
        Hash hash(start, before_);
        write(hash, lane);
        hash.finish(digest);
        for (size_t i = 0; i < 8; i++) state_.word[i][lane] = load_be<Word>(digest + sizeof(Word) * i);
        wipe(start, sizeof start);
        wipe(&hash, sizeof hash);
        wipe(digest, sizeof digest);
    }

    // The block digest || tail || padding.
    void digest_block(uint64_t before, Bytes tail) {
        uint8_t rest[BLOCK - DIGEST] = {0};
        copy_bytes(rest, tail.data, tail.size);
        rest[tail.size] = 0x80;
        store64_be(rest + sizeof rest - 8, (before + DIGEST + tail.size) << 3);
        std::memcpy(block_.word, state_.word, sizeof state_.word);
        for (size_t i = 8; i < 16; i++) {
            const Word word = load_be<Word>(rest + sizeof(Word) * (i - 8));
            for (size_t lane = 0; lane < COUNT; lane++) block_.word[i][lane] = word;
        }
    }

    const LaneOps<Word> ops_;
    uint64_t before_ = 0;
    uint32_t active_ = 0;  // the lanes of the last absorb
    LaneState<Word> state_;
    LaneBlock<Word> block_;
    alignas(64) uint8_t staged_[COUNT * LaneMessage<Word>::BYTES + LaneMessage<Word>::SLACK] = {0};
};

}  // namespace assent
