// Keyed and Merkle hashes of columns.
#include "api.h"
#include "column.h"
#include "expand_message.h"
#include "hmac.h"
#include "parallel.h"

using namespace assent;

namespace {

constexpr size_t REF_CHARACTERS = 26;

// The first characters of RFC 4648 base32 in lower case: five bits each, from the top.
void base32_head(uint8_t characters[REF_CHARACTERS], const uint8_t *bytes) {
    static constexpr char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz234567";
    for (size_t i = 0; i < REF_CHARACTERS; i++) {
        const size_t bit = 5 * i;
        const unsigned two = unsigned(bytes[bit / 8]) << 8 | bytes[bit / 8 + 1];
        characters[i] = uint8_t(ALPHABET[two >> (11 - bit % 8) & 31]);
    }
}

// RFC 6962 section 2.1
void hash_leaf(uint8_t digest[Sha256::DIGEST], Bytes leaf) {
    const uint8_t prefix = 0;
    Sha256 hash;
    hash.update(&prefix, 1);
    hash.update(leaf);
    hash.finish(digest);
}

void hash_children(uint8_t digest[Sha256::DIGEST], const uint8_t *left, const uint8_t *right) {
    const uint8_t prefix = 1;
    Sha256 hash;
    hash.update(&prefix, 1);
    hash.update(left, Sha256::DIGEST);
    hash.update(right, Sha256::DIGEST);
    hash.finish(digest);
}

}  // namespace

int32_t assent_hmac_sha256(const uint8_t *key, uint64_t key_size, const assent_column *values, uint32_t threads,
                           uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    const HmacSha256 mac(Bytes{key, key_size});
    return for_each_chunk(values->rows, threads, row, [&](uint64_t first, size_t count) {
        for (uint64_t i = first; i < first + count; i++) mac(column_row(*values, i), out + i * Sha256::DIGEST);
        return DONE;
    });
}

int32_t assent_subject_refs(const uint8_t *key, uint64_t key_size, const uint8_t *type, uint32_t type_size,
                            const assent_column *values, uint32_t threads, uint8_t *out, uint64_t *row) {
    if (const int32_t status = check_column(*values, row)) return status;
    const HmacSha256 mac(Bytes{key, key_size});
    return for_each_chunk(values->rows, threads, row, [&](uint64_t first, size_t count) -> Outcome {
        for (uint64_t i = first; i < first + count; i++) {
            const Bytes value = column_row(*values, i);
            if (value.size > 65535) return {ASSENT_TOO_LONG, i};
            uint8_t length[2], digest[Sha256::DIGEST];
            Sha256 hash = mac.begin();
            store16_be(length, uint16_t(type_size));
            hash.update(length, sizeof length);
            hash.update(type, type_size);
            store16_be(length, uint16_t(value.size));
            hash.update(length, sizeof length);
            hash.update(value);
            mac.finish(hash, digest);
            base32_head(out + i * REF_CHARACTERS, digest);
        }
        return DONE;
    });
}

void assent_merkle_root(const uint8_t *leaves, uint64_t rows, uint32_t width, uint8_t *root) {
    if (rows == 0) {
        Sha256().finish(root);
        return;
    }
    // Roots of the complete subtrees so far, largest first: one per set bit of the count.
    uint8_t roots[64][Sha256::DIGEST];
    int depth = 0;
    for (uint64_t i = 0; i < rows; i++) {
        uint8_t digest[Sha256::DIGEST];
        hash_leaf(digest, {leaves + i * width, width});
        for (uint64_t full = i; full & 1; full >>= 1) hash_children(digest, roots[--depth], digest);
        copy_bytes(roots[depth++], digest, sizeof digest);
    }
    while (depth > 1) {
        depth--;
        hash_children(roots[depth - 1], roots[depth - 1], roots[depth]);
    }
    copy_bytes(root, roots[0], Sha256::DIGEST);
}

void assent_expand_message_xmd(const uint8_t *message, uint64_t message_size, const uint8_t *dst, uint32_t dst_size,
                               uint8_t *out, uint32_t size) {
    expand_message_xmd(out, size, {message, message_size}, {dst, dst_size});
}
