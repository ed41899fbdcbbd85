// Rows of an ENRICH table: T || u64 row version || AEAD, every row under a key of its own.
#include "aead.h"
#include "api.h"
#include "hmac.h"
#include "parallel.h"

using namespace assent;

namespace {

constexpr char INFO_LABEL[] = "assent enrich v1";
constexpr size_t LABEL_BYTES = sizeof INFO_LABEL - 1;
constexpr size_t HASH_BYTES = 32;
constexpr size_t VERSION_BYTES = 8;
constexpr size_t OUTPUT_BYTES = 64;
constexpr size_t MAX_TAG = 64;
constexpr size_t MAX_NAME = 255;

uint64_t row_bytes(const assent_table &table) {
    return uint64_t(table.tag_bytes) + VERSION_BYTES + table.plaintext_bytes + AEAD_TAG;
}

// The keys of a group of rows and what binds each row to its place; one per thread, wiped when it dies.
class RowKeys {
  public:
    RowKeys(const assent_table &table, const HkdfSha512 &hkdf) : table_(table), hkdf_(hkdf) {
        copy_bytes(info_, reinterpret_cast<const uint8_t *>(INFO_LABEL), LABEL_BYTES);
        copy_bytes(info_ + LABEL_BYTES, table.agreement_hash, HASH_BYTES);
        copy_bytes(info_ + LABEL_BYTES + HASH_BYTES, table.table_id, HASH_BYTES);
        copy_bytes(associated_ + table.tag_bytes + VERSION_BYTES, table.name, table.name_size);
    }
    ~RowKeys() { wipe(keys_, sizeof keys_); }
    RowKeys(const RowKeys &) = delete;
    RowKeys &operator=(const RowKeys &) = delete;

    // Derives the keys of `rows` <= AEAD_GROUP rows from their F(y); version(row) is where its version stands.
    template <class Version>
    const uint8_t *derive(const uint8_t *outputs, size_t rows, const Version &version) {
        for_each_group<uint64_t>(rows, [&](size_t first, size_t count) {
            const auto write_output = [&](auto &message, size_t lane) {
                message.update(outputs + (first + lane) * OUTPUT_BYTES, OUTPUT_BYTES);
            };
            const auto write_info = [&](auto &message, size_t lane) {
                message.update(info_, sizeof info_);
                message.update(version(first + lane), VERSION_BYTES);
            };
            uint8_t blocks[LANES<uint64_t> * Sha512::DIGEST];
            const WipeAtExit<uint8_t[LANES<uint64_t> * Sha512::DIGEST]> wipe_blocks(blocks);
            hkdf_(lanes_, count, write_output, write_info);
            lanes_.store(blocks, count);
            for (size_t i = 0; i < count; i++) {
                copy_bytes(keys_ + (first + i) * AEAD_KEY, blocks + i * Sha512::DIGEST, AEAD_KEY);
            }
        });
        return keys_;
    }

    // AAD = T || row version || match-key name; valid until the next call.
    Bytes associated(const uint8_t *output, const uint8_t *version) {
        copy_bytes(associated_, output, table_.tag_bytes);
        copy_bytes(associated_ + table_.tag_bytes, version, VERSION_BYTES);
        return {associated_, size_t(table_.tag_bytes) + VERSION_BYTES + table_.name_size};
    }

  private:
    const assent_table &table_;
    const HkdfSha512 &hkdf_;
    HmacSha512::Lanes lanes_;
    uint8_t info_[LABEL_BYTES + 2 * HASH_BYTES];  // followed by the row version
    uint8_t associated_[MAX_TAG + VERSION_BYTES + MAX_NAME];
    uint8_t keys_[AEAD_GROUP * AEAD_KEY];
};

// Calls work(keys, first, count) for groups of at most AEAD_GROUP rows.
template <class Work>
void for_each_row_group(const assent_table &table, uint64_t rows, uint32_t threads, const Work &work) {
    static_assert(AEAD_GROUP == LANES<uint32_t>, "groups of as many rows");
    const HkdfSha512 hkdf;
    uint64_t never_refused = 0;
    for_each_chunk(rows, threads, &never_refused, [&](uint64_t chunk, size_t chunk_rows) {
        RowKeys keys(table, hkdf);
        for_each_group<uint32_t>(chunk_rows, [&](size_t first, size_t count) { work(keys, chunk + first, count); });
        return DONE;
    });
}

}  // namespace

void assent_seal_rows(const assent_table *table, const uint8_t *outputs, const uint8_t *plaintexts, uint64_t rows,
                      uint64_t row_version, uint32_t threads, uint8_t *out) {
    uint8_t version[VERSION_BYTES];
    store64_be(version, row_version);
    const size_t width = table->plaintext_bytes, stride = row_bytes(*table), tag_bytes = table->tag_bytes;
    uint8_t kept[AEAD_GROUP];
    std::memset(kept, 0xff, sizeof kept);
    for_each_row_group(*table, rows, threads, [&](RowKeys &keys, uint64_t first, size_t count) {
        const uint8_t *group_outputs = outputs + first * OUTPUT_BYTES;
        uint8_t *const sealed = out + first * stride, *const ciphertexts = sealed + tag_bytes + VERSION_BYTES;
        const OneTimeAead aead(keys.derive(group_outputs, count, [&](size_t) { return version; }), count);
        aead.crypt({ciphertexts, stride}, {plaintexts + first * width, width}, width, kept);
        for (size_t i = 0; i < count; i++) {
            const uint8_t *output = group_outputs + i * OUTPUT_BYTES;
            uint8_t *row = sealed + i * stride, *ciphertext = ciphertexts + i * stride;
            copy_bytes(row, output, tag_bytes);
            copy_bytes(row + tag_bytes, version, VERSION_BYTES);
            aead.authenticate(ciphertext + width, i, keys.associated(output, version), {ciphertext, width});
        }
    });
}

void assent_open_rows(const assent_table *table, const uint8_t *outputs, const uint8_t *sealed, uint64_t rows,
                      uint32_t threads, uint8_t *plaintexts, uint8_t *ok) {
    const size_t width = table->plaintext_bytes, stride = row_bytes(*table), tag_bytes = table->tag_bytes;
    for_each_row_group(*table, rows, threads, [&](RowKeys &keys, uint64_t first, size_t count) {
        const uint8_t *group_outputs = outputs + first * OUTPUT_BYTES, *group = sealed + first * stride;
        const auto version_of = [&](size_t i) { return group + i * stride + tag_bytes; };
        const OneTimeAead aead(keys.derive(group_outputs, count, version_of), count);
        uint8_t kept[AEAD_GROUP];
        for (size_t i = 0; i < count; i++) {
            const uint8_t *output = group_outputs + i * OUTPUT_BYTES, *row = group + i * stride;
            const uint8_t *ciphertext = version_of(i) + VERSION_BYTES;
            uint8_t tag[AEAD_TAG];
            // T of the AAD is taken from F(x), not from the row: a row under another tag does not open.
            aead.authenticate(tag, i, keys.associated(output, version_of(i)), {ciphertext, width});
            const uint64_t opens =
                equal_bytes(row, output, tag_bytes) & equal_bytes(tag, ciphertext + width, AEAD_TAG);
            ok[first + i] = uint8_t(opens);
            kept[i] = uint8_t(mask_of(opens));
        }
        aead.crypt({plaintexts + first * width, width}, {group + tag_bytes + VERSION_BYTES, stride}, width, kept);
    });
}
