// Byte strings of others, and integers in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace assent {

// A view; whoever made it keeps the memory alive.
struct Bytes {
    const uint8_t *data;
    size_t size;
};

inline uint32_t load32_le(const uint8_t *p) {
    return uint32_t(p[0]) | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16 | uint32_t(p[3]) << 24;
}

inline uint64_t load64_le(const uint8_t *p) { return uint64_t(load32_le(p)) | uint64_t(load32_le(p + 4)) << 32; }

inline uint32_t load32_be(const uint8_t *p) { return __builtin_bswap32(load32_le(p)); }

inline uint64_t load64_be(const uint8_t *p) { return __builtin_bswap64(load64_le(p)); }

inline void store32_le(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = uint8_t(v >> (8 * i));
}

inline void store64_le(uint8_t *p, uint64_t v) {
    for (int i = 0; i < 8; i++) p[i] = uint8_t(v >> (8 * i));
}

inline void store16_be(uint8_t *p, uint16_t v) {
    p[0] = uint8_t(v >> 8);
    p[1] = uint8_t(v);
}

inline void store32_be(uint8_t *p, uint32_t v) { store32_le(p, __builtin_bswap32(v)); }

inline void store64_be(uint8_t *p, uint64_t v) { store64_le(p, __builtin_bswap64(v)); }

// memcpy forbids null pointers even for nothing to copy; an empty Arrow buffer has one.
inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t size) {
    if (size != 0) std::memcpy(to, from, size);
}

}  // namespace assent
