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
    ASSENT_NOT_A_SCALAR = 6,   // bytes that are zero or not below the group order
    ASSENT_NO_SUCH_ISA = 7,    // an instruction set that this build or this processor does not hold
    ASSENT_NO_MEMORY = 8,      // the working memory of the call
    ASSENT_NO_SUCH_ROW = 9     // a row number outside the rows
};

// Instruction sets by number: 0 portable, 1 AVX-512 IFMA. The fastest held is in use from the start.
uint32_t assent_isas(void);            // bit i is set where set i is held
int32_t assent_use_isa(uint32_t isa);  // for the whole process, from the next batch on
// For tests: one operation of the field of AVX-512 IFMA, see ifma/batch.h; limbs as [limb][lane].
int32_t assent_ifma_field(uint32_t operation, const uint64_t *a, const uint64_t *b, uint64_t *result);

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
// F(y) of the RFC's Evaluate, by who holds the scalar: blind, then finalize.
int32_t assent_outputs(const assent_column *inputs, const assent_scalar *scalar, uint32_t threads, uint8_t *out,
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

enum { ASSENT_MD5 = 0, ASSENT_SHA256 = 1, ASSENT_SM3 = 2 };
// out: the digests in lower-case hexadecimal, 32 characters a row of MD5, 64 of the others.
int32_t assent_hex_digests(uint32_t hash, const assent_column *values, uint32_t threads, uint8_t *out, uint64_t *row);
int32_t assent_hmac_sha256(const uint8_t *key, uint64_t key_size, const assent_column *values, uint32_t threads,
                           uint8_t *out, uint64_t *row);
// out: 26 characters a row.
int32_t assent_subject_refs(const uint8_t *key, uint64_t key_size, const uint8_t *type, uint32_t type_size,
                            const assent_column *values, uint32_t threads, uint8_t *out, uint64_t *row);

// A Merkle tree hash over leaves that arrive in order, by one thread at a time.
typedef struct assent_merkle assent_merkle;

assent_merkle *assent_merkle_new(void);  // without leaves, or null when memory is short
void assent_merkle_free(assent_merkle *merkle);
void assent_merkle_add(assent_merkle *merkle, const uint8_t *leaves, uint64_t rows, uint32_t width);
void assent_merkle_root(const assent_merkle *merkle, uint8_t *root);

// size <= 16,320 and dst_size <= 255.
void assent_expand_message_xmd(const uint8_t *message, uint64_t message_size, const uint8_t *dst, uint32_t dst_size,
                               uint8_t *out, uint32_t size);

// Rows of `width` bytes, at least 1, and `stride` bytes from one to the next.
typedef struct {
    const uint8_t *bytes;
    uint64_t rows;
    uint64_t stride;
    uint32_t width;
} assent_rows;

// The stable ascending order by all bytes of the rows.
int32_t assent_order_rows(const assent_rows *rows, uint32_t threads, int64_t *order);
// out: the rows that `order` names, count of them; `row` is the place in `order` at fault.
int32_t assent_take_rows(const assent_rows *rows, const int64_t *order, uint64_t count, uint32_t threads, uint8_t *out,
                         uint64_t *row);
// places: for each wanted row the first of the ascending rows equal to it, or -1; both of one width.
int32_t assent_find_rows(const assent_rows *sorted, const assent_rows *wanted, uint32_t threads, int64_t *places);
// The first row that does not lie above the one before it, or -1; previous: the row before the first, or null.
int64_t assent_first_not_ascending(const assent_rows *rows, const uint8_t *previous);

// cffi: end
}
#pragma GCC visibility pop
