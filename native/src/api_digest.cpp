// Keyed and Merkle hashes of columns.
#include <new>

#include "api.h"
#include "column.h"
#include "expand_message.h"
#include "hmac.h"
#include "merkle.h"
#include "parallel.h"
#include "plain_hash.h"

using namespace assent;

struct assent_merkle {
    MerkleTree tree;
};

namespace {

constexpr size_t REF_CHARACTERS = 26;
constexpr size_t MAX_VALUE = 65535;  // of a subject reference: its length is hashed as two bytes

// Eight characters of RFC 4648 base32 in lower case, five bits each, from the top 40 bits; byte by byte at once.
void base32_eight(uint8_t characters[8], uint64_t bits) {
    uint64_t x = bits >> 24;
    x = (x & 0x000000fffff00000) << 12 | (x & 0x00000000000fffff);
    x = (x & 0x000ffc00000ffc00) << 6 | (x & 0x000003ff000003ff);
    x = (x & 0x03e003e003e003e0) << 3 | (x & 0x001f001f001f001f);
    constexpr uint64_t EACH = 0x0101010101010101;
    // 0 to 25 are letters, 26 to 31 the figures 2 to 7, which lie below the letters.
    const uint64_t figures = (x + EACH * (0x80 - 26)) >> 7 & EACH;
    store64_be(characters, x + EACH * 'a' - figures * ('a' - '2' + 26));
}

// The first characters of a digest: 130 bits.
void base32_head(uint8_t characters[REF_CHARACTERS], const uint8_t digest[Sha256::DIGEST]) {
    base32_eight(characters, load64_be(digest));
    base32_eight(characters + 8, load64_be(digest + 5));
    base32_eight(characters + 16, load64_be(digest + 10));
    base32_eight(characters + 18, load64_be(digest + 11) << 2);
}

// Eight lower-case hexadecimal digits of four bytes, byte by byte at once.
void hex_eight(uint8_t digits[8], uint32_t bytes) {
    uint64_t x = (uint64_t(bytes & 0xffff0000) << 16) | (bytes & 0xffff);
    x = (x & 0x0000ff000000ff00) << 8 | (x & 0x000000ff000000ff);
    x = (x & 0x00f000f000f000f0) << 4 | (x & 0x000f000f000f000f);
    constexpr uint64_t EACH = 0x0101010101010101;
    const uint64_t letters = (x + EACH * (0x80 - 10)) >> 7 & EACH;
    store64_be(digits, x + EACH * '0' + letters * ('a' - '0' - 10));
}

// Hashes rows in groups: digest(count, row(lane), digests).
template <size_t DIGEST, class Hash>
int32_t hex_digests(const assent_column &values, uint32_t threads, uint8_t *out, uint64_t *row) {
    return for_each_chunk(values.rows, threads, row, [&](uint64_t chunk, size_t rows) {
        Hash hash;
        uint8_t digests[PLAIN_LANES * DIGEST];
        for_each_group<uint32_t>(rows, [&](size_t in_chunk, size_t count) {
            const uint64_t first = chunk + in_chunk;
            hash(count, [&](size_t lane) { return column_row(values, first + lane); }, digests);
            uint8_t *const to = out + first * 2 * DIGEST;
            for (size_t i = 0; i < count * DIGEST; i += 4) hex_eight(to + 2 * i, load32_be(digests + i));
        });
        return DONE;
    });
}

// SHA-256 by the lanes that keyed hashes use.
struct Sha256Lanes {
    template <class Message>
    void operator()(size_t count, const Message &message, uint8_t *digests) {
        lanes.begin(Sha256());
        lanes.absorb(count, [&](auto &to, size_t lane) { to.update(message(lane)); });
        lanes.store(digests, count);
    }
    LaneHash<uint32_t> lanes;
};

}  // namespace

int32_t assent_hex_digests(uint32_t hash, const assent_column *values, uint32_t threads, uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    if (hash == ASSENT_MD5) return hex_digests<16, PlainHash<Md5>>(*values, threads, out, row);
    if (hash == ASSENT_SM3) return hex_digests<32, PlainHash<Sm3>>(*values, threads, out, row);
    return hex_digests<Sha256::DIGEST, Sha256Lanes>(*values, threads, out, row);
}

int32_t assent_hmac_sha256(const uint8_t *key, uint64_t key_size, const assent_column *values, uint32_t threads,
                           uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    const HmacSha256 mac(Bytes{key, key_size});
    return for_each_chunk(values->rows, threads, row, [&](uint64_t chunk, size_t rows) {
        HmacSha256::Lanes lanes;
        for_each_group<uint32_t>(rows, [&](size_t in_chunk, size_t count) {
            const uint64_t first = chunk + in_chunk;
            mac(lanes, count, [&](auto &message, size_t lane) { message.update(column_row(*values, first + lane)); });
            lanes.store(out + first * Sha256::DIGEST, count);
        });
        return DONE;
    });
}

int32_t assent_subject_refs(const uint8_t *key, uint64_t key_size, const uint8_t *type, uint32_t type_size,
                            const assent_column *values, uint32_t threads, uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    const HmacSha256 mac(Bytes{key, key_size});
    return for_each_chunk(values->rows, threads, row, [&](uint64_t chunk, size_t rows) -> Outcome {
        Bytes subjects[CHUNK_ROWS];
        for (size_t i = 0; i < rows; i++) {
            subjects[i] = column_row(*values, chunk + i);
            if (subjects[i].size > MAX_VALUE) return {ASSENT_TOO_LONG, chunk + i};
        }
        HmacSha256::Lanes lanes;
        for_each_group<uint32_t>(rows, [&](size_t first, size_t count) {
            mac(lanes, count, [&](auto &message, size_t lane) {
                const Bytes subject = subjects[first + lane];
                uint8_t length[2];
                store16_be(length, uint16_t(type_size));
                message.update(length, sizeof length);
                message.update(type, type_size);
                store16_be(length, uint16_t(subject.size));
                message.update(length, sizeof length);
                message.update(subject);
            });
            uint8_t digests[LANES<uint32_t> * Sha256::DIGEST];
            lanes.store(digests, count);
            for (size_t i = 0; i < count; i++) {
                base32_head(out + (chunk + first + i) * REF_CHARACTERS, digests + i * Sha256::DIGEST);
            }
        });
        return DONE;
    });
}

assent_merkle *assent_merkle_new(void) { return new (std::nothrow) assent_merkle; }

void assent_merkle_free(assent_merkle *merkle) { delete merkle; }

void assent_merkle_add(assent_merkle *merkle, const uint8_t *leaves, uint64_t rows, uint32_t width) {
    merkle->tree.add(leaves, rows, width);
}

void assent_merkle_root(const assent_merkle *merkle, uint8_t *root) { merkle->tree.root(root); }

void assent_expand_message_xmd(const uint8_t *message, uint64_t message_size, const uint8_t *dst, uint32_t dst_size,
                               uint8_t *out, uint32_t size) {
    expand_message_xmd(out, size, {message, message_size}, {dst, dst_size});
}
