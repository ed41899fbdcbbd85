// HMAC (RFC 2104) over either hash, and HKDF-SHA512 (RFC 5869) for one block of output.
#pragma once

#include "secret.h"
#include "sha2.h"

namespace assent {

// A key with both of its pads absorbed; one object serves any number of messages and is wiped when it dies.
template <class Hash>
class Hmac {
  public:
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
        for (uint8_t &byte : block) byte ^= 0x36;
        inner_.update(block, sizeof block);
        for (uint8_t &byte : block) byte ^= 0x36 ^ 0x5c;
        outer_.update(block, sizeof block);
    }
    ~Hmac() {
        wipe(&inner_, sizeof inner_);
        wipe(&outer_, sizeof outer_);
    }
    Hmac(const Hmac &) = delete;
    Hmac &operator=(const Hmac &) = delete;

    // The hash to feed one message into; give it back to finish.
    Hash begin() const { return inner_; }

    void finish(Hash &message, uint8_t mac[Hash::DIGEST]) const {
        uint8_t digest[Hash::DIGEST];
        message.finish(digest);
        wipe(&message, sizeof message);
        Hash outer = outer_;
        outer.update(digest, sizeof digest);
        outer.finish(mac);
        wipe(&outer, sizeof outer);
        wipe(digest, sizeof digest);
    }

    void operator()(Bytes message, uint8_t mac[Hash::DIGEST]) const {
        Hash hash = begin();
        hash.update(message);
        finish(hash, mac);
    }

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

    void operator()(Bytes key_material, Bytes info, uint8_t block[Sha512::DIGEST]) const {
        uint8_t pseudorandom_key[Sha512::DIGEST];
        const WipeAtExit<uint8_t[Sha512::DIGEST]> wipe_key(pseudorandom_key);
        extract_(key_material, pseudorandom_key);
        const HmacSha512 expand(Bytes{pseudorandom_key, sizeof pseudorandom_key});
        Sha512 hash = expand.begin();
        const uint8_t counter = 1;
        hash.update(info);
        hash.update(&counter, 1);
        expand.finish(hash, block);
    }

  private:
    HmacSha512 extract_;
};

}  // namespace assent
