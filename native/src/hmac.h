// HMAC (RFC 2104) over either hash, and HKDF-SHA512 (RFC 5869) for one block of output, in lanes.
#pragma once

#include "lanes.h"
#include "secret.h"
#include "sha2.h"

namespace assent {

// A key with both of its pads absorbed; one object serves any number of messages and is wiped when it dies.
template <class Hash>
class Hmac {
  public:
    using Lanes = LaneHash<typename Hash::Word>;

    explicit Hmac(Bytes key) {
        uint8_t block[Hash::BLOCK] = {0};
        const WipeAtExit<uint8_t[Hash::BLOCK]> wipe_block(block);
        if (key.size > Hash::BLOCK) {
            Hash hash;
            hash.update(key);
            hash.finish(block);
            wipe(&hash, sizeof hash);
        } else {
            copy_bytes(block, key.data, key.size);
        }
        for (uint8_t &byte : block) byte ^= INNER_PAD;
        inner_.update(block, sizeof block);
        for (uint8_t &byte : block) byte ^= INNER_PAD ^ OUTER_PAD;
        outer_.update(block, sizeof block);
    }
    ~Hmac() {
        wipe(&inner_, sizeof inner_);
        wipe(&outer_, sizeof outer_);
    }
    Hmac(const Hmac &) = delete;
    Hmac &operator=(const Hmac &) = delete;

    // Leaves the MACs of `count` messages in the lanes; write(message, lane) as for LaneHash::absorb.
    template <class Write>
    void operator()(Lanes &lanes, size_t count, const Write &write) const {
        lanes.begin(inner_);
        lanes.absorb(count, write);
        lanes.rehash(outer_);
    }

    static constexpr uint8_t INNER_PAD = 0x36, OUTER_PAD = 0x5c;

  private:
    Hash inner_, outer_;
};

using HmacSha256 = Hmac<Sha256>;
using HmacSha512 = Hmac<Sha512>;

// HKDF-Extract of RFC 5869 section 2.2 with an empty salt, that is HMAC with a key of zeros, then the first block
// T(1) of HKDF-Expand (section 2.3): up to 64 bytes of output are a prefix of it.
class HkdfSha512 {
  public:
    HkdfSha512() : extract_(Bytes{nullptr, 0}) {}

    // Leaves T(1) of `count` rows in the lanes; both functions feed a message as for LaneHash::absorb.
    template <class WriteKeyMaterial, class WriteInfo>
    void operator()(HmacSha512::Lanes &lanes, size_t count, const WriteKeyMaterial &write_key_material,
                    const WriteInfo &write_info) const {
        LaneState<uint64_t> key, outer;
        const WipeAtExit<LaneState<uint64_t>> wipe_key(key), wipe_outer(outer);
        extract_(lanes, count, write_key_material);
        // HMAC under a key of its own in every lane: the pseudorandom key, 64 bytes of a block of 128.
        key = lanes.state();
        lanes.rekey(HmacSha512::OUTER_PAD);
        outer = lanes.state();
        lanes.begin(key, 0);
        lanes.rekey(HmacSha512::INNER_PAD);
        lanes.absorb(count, [&](auto &message, size_t lane) {
            const uint8_t counter = 1;
            write_info(message, lane);
            message.update(&counter, 1);
        });
        lanes.rehash(outer, Sha512::BLOCK);
    }

  private:
    HmacSha512 extract_;
};

}  // namespace assent
