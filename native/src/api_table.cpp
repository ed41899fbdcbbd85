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

// One per thread: the fixed parts of info and AAD are laid down once, the rest row by row.
class RowContext {
  public:
    explicit RowContext(const assent_table &table)
        : table_(table), associated_size_(table.tag_bytes + VERSION_BYTES + table.name_size) {
        copy_bytes(info_, reinterpret_cast<const uint8_t *>(INFO_LABEL), LABEL_BYTES);
        copy_bytes(info_ + LABEL_BYTES, table.agreement_hash, HASH_BYTES);
        copy_bytes(info_ + LABEL_BYTES + HASH_BYTES, table.table_id, HASH_BYTES);
        copy_bytes(associated_ + table.tag_bytes + VERSION_BYTES, table.name, table.name_size);
    }
    ~RowContext() { wipe(block_, sizeof block_); }
    RowContext(const RowContext &) = delete;
    RowContext &operator=(const RowContext &) = delete;

    // Derives the row's key from F(y), and its AAD = T || row version || match-key name.
    void enter(const uint8_t output[OUTPUT_BYTES], const uint8_t version[VERSION_BYTES]) {
        copy_bytes(info_ + sizeof info_ - VERSION_BYTES, version, VERSION_BYTES);
        copy_bytes(associated_, output, table_.tag_bytes);
        copy_bytes(associated_ + table_.tag_bytes, version, VERSION_BYTES);
        hkdf_({output, OUTPUT_BYTES}, {info_, sizeof info_}, block_);
    }

    const uint8_t *key() const { return block_; }  // its first 32 bytes
    Bytes associated() const { return {associated_, associated_size_}; }

  private:
    const assent_table &table_;
    const size_t associated_size_;
    const HkdfSha512 hkdf_;
    uint8_t info_[LABEL_BYTES + 2 * HASH_BYTES + VERSION_BYTES];
    uint8_t associated_[MAX_TAG + VERSION_BYTES + MAX_NAME];
    uint8_t block_[Sha512::DIGEST];
};

uint64_t row_bytes(const assent_table &table) {
    return uint64_t(table.tag_bytes) + VERSION_BYTES + table.plaintext_bytes + AEAD_TAG;
}

}  // namespace

void assent_seal_rows(const assent_table *table, const uint8_t *outputs, const uint8_t *plaintexts, uint64_t rows,
                      uint64_t row_version, uint32_t threads, uint8_t *out) {
    uint8_t version[VERSION_BYTES];
    store64_be(version, row_version);
    const size_t width = table->plaintext_bytes;
    uint64_t never_refused = 0;
    for_each_chunk(rows, threads, &never_refused, [&](uint64_t first, size_t count) {
        RowContext context(*table);
        for (uint64_t i = first; i < first + count; i++) {
            const uint8_t *output = outputs + i * OUTPUT_BYTES;
            context.enter(output, version);
            uint8_t *row = out + i * row_bytes(*table);
            copy_bytes(row, output, table->tag_bytes);
            copy_bytes(row + table->tag_bytes, version, VERSION_BYTES);
            seal_once(row + table->tag_bytes + VERSION_BYTES, context.key(), context.associated(),
                      {plaintexts + i * width, width});
        }
        return DONE;
    });
}

void assent_open_rows(const assent_table *table, const uint8_t *outputs, const uint8_t *sealed, uint64_t rows,
                      uint32_t threads, uint8_t *plaintexts, uint8_t *ok) {
    const size_t width = table->plaintext_bytes;
    uint64_t never_refused = 0;
    for_each_chunk(rows, threads, &never_refused, [&](uint64_t first, size_t count) {
        RowContext context(*table);
        for (uint64_t i = first; i < first + count; i++) {
            const uint8_t *output = outputs + i * OUTPUT_BYTES;
            const uint8_t *row = sealed + i * row_bytes(*table);
            // T of the AAD is taken from F(x), not from the row: a row under another tag does not open.
            const uint64_t same_tag = equal_bytes(row, output, table->tag_bytes);
            context.enter(output, row + table->tag_bytes);
            uint8_t *plaintext = plaintexts + i * width;
            const uint64_t authentic = open_once(plaintext, context.key(), context.associated(),
                                                 {row + table->tag_bytes + VERSION_BYTES, width + AEAD_TAG});
            if (!same_tag && width != 0) std::memset(plaintext, 0, width);
            ok[i] = uint8_t(same_tag & authentic);
        }
        return DONE;
    });
}
