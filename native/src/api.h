// The whole surface of the native module: byte buffers in, byte buffers out, whole batches, no points across.
// build_cffi.py reads the declarations between the two marks, so they hold plain C without preprocessor lines.
//
// Every function that returns int32_t returns one of the statuses below. `row` is then the first row at fault.
// `threads` is at least 1. Outputs are undefined unless the status is ASSENT_OK.
// Buffers may not overlap; element = 32 bytes, output = 64 bytes (RFC 9497), rows one after the other.
#pragma once

#include <cstdint>

#pragma GCC visibility push(default)
extern "C" {
// cffi: begin

enum {
    ASSENT_OK = 0,
    ASSENT_NON_CANONICAL = 1,  // not the one encoding of an element (RFC 9496 section 4.3.1)
    ASSENT_IDENTITY = 2,       // the identity, which RFC 9497 section 2.1 forbids
    ASSENT_TOO_LONG = 3,       // a value that its 16-bit length prefix cannot carry
    ASSENT_BAD_OFFSETS = 4,    // offsets of a column that run backwards or past its bytes
    ASSENT_NO_ENTROPY = 5,     // the operating system gave no random bytes
    ASSENT_NOT_A_SCALAR = 6    // bytes that are zero or not below the group order
};

// A secret scalar modulo the group order; its memory is wiped when it is freed.
typedef struct assent_scalar assent_scalar;

assent_scalar *assent_scalar_new(void);  // zero, or null when memory is short
void assent_scalar_free(assent_scalar *scalar);
void assent_scalar_wipe(assent_scalar *scalar);
int32_t assent_scalar_random(assent_scalar *scalar);
int32_t assent_scalar_from_bytes(assent_scalar *scalar, const uint8_t *bytes);
void assent_scalar_to_bytes(const assent_scalar *scalar, uint8_t *bytes);
void assent_scalar_invert(const assent_scalar *scalar, assent_scalar *inverse);
int32_t assent_scalar_equal(const assent_scalar *a, const assent_scalar *b);  // 1 or 0, not a status

// Rows of bytes, as Arrow keeps them: offset_width is 4 or 8 for variable width, where row i lies between offsets i
// and i + 1, or 0 for rows of `width` bytes.
typedef struct {
    const uint8_t *bytes;
    uint64_t bytes_size;
    const uint8_t *offsets;
    uint32_t offset_width;
    uint32_t width;
    uint64_t rows;
} assent_column;

int32_t assent_check_elements(const uint8_t *elements, uint64_t rows, uint32_t threads, uint64_t *row);
int32_t assent_evaluate(const uint8_t *elements, uint64_t rows, const assent_scalar *scalar, uint32_t threads,
                        uint8_t *out, uint64_t *row);
int32_t assent_map_to_group(const uint8_t *uniform, uint64_t rows, uint32_t threads, uint8_t *out, uint64_t *row);
int32_t assent_random_elements(uint64_t rows, uint32_t threads, uint8_t *out, uint64_t *row);

// out_offsets: rows + 1 of int64; out: at least bytes_size + rows * (4 + name_size).
int32_t assent_oprf_inputs(const uint8_t *name, uint32_t name_size, const assent_column *values, int64_t *out_offsets,
                           uint8_t *out, uint64_t *row);
int32_t assent_hash_to_group(const assent_column *inputs, uint32_t threads, uint8_t *out, uint64_t *row);
int32_t assent_blind(const assent_column *inputs, const assent_scalar *scalar, uint32_t threads, uint8_t *out,
                     uint64_t *row);
int32_t assent_finalize(const assent_column *inputs, const uint8_t *elements, uint32_t threads, uint8_t *out,
                        uint64_t *row);
int32_t assent_finalize_unblind(const assent_column *inputs, const uint8_t *evaluated, const assent_scalar *inverse,
                                uint32_t threads, uint8_t *out, uint64_t *row);

// What binds table rows to their place: hashes of 32 bytes, a name of at most 255, a tag of 1 to 64.
typedef struct {
    const uint8_t *name;
    uint32_t name_size;
    uint32_t tag_bytes;
    const uint8_t *agreement_hash;
    const uint8_t *table_id;
    uint32_t plaintext_bytes;
} assent_table;

// out: rows of tag_bytes + 8 + plaintext_bytes + 16.
void assent_seal_rows(const assent_table *table, const uint8_t *outputs, const uint8_t *plaintexts, uint64_t rows,
                      uint64_t row_version, uint32_t threads, uint8_t *out);
// ok: one byte a row, 1 where the row is authentic; plaintext is zero where it is not.
void assent_open_rows(const assent_table *table, const uint8_t *outputs, const uint8_t *sealed, uint64_t rows,
                      uint32_t threads, uint8_t *plaintexts, uint8_t *ok);

int32_t assent_hmac_sha256(const uint8_t *key, uint64_t key_size, const assent_column *values, uint32_t threads,
                           uint8_t *out, uint64_t *row);
// out: 26 characters a row.
int32_t assent_subject_refs(const uint8_t *key, uint64_t key_size, const uint8_t *type, uint32_t type_size,
                            const assent_column *values, uint32_t threads, uint8_t *out, uint64_t *row);
void assent_merkle_root(const uint8_t *leaves, uint64_t rows, uint32_t width, uint8_t *root);
// size <= 16,320 and dst_size <= 255.
void assent_expand_message_xmd(const uint8_t *message, uint64_t message_size, const uint8_t *dst, uint32_t dst_size,
                               uint8_t *out, uint32_t size);

// cffi: end
}
#pragma GCC visibility pop
