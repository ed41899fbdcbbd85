// Secrets in memory: overwriting them, and keeping the compiler from branching on them.
//
// Always inlined: units built for other instruction sets include this, and the linker keeps one copy of an inline
// function that was not, whichever unit it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace assent {

// A plain memset before the end of an object's life is removed by the optimiser. The volatile statement after it
// claims to read the memory, so the zeros must be there first.
[[gnu::always_inline]] inline void wipe(void *memory, size_t size) {
    std::memset(memory, 0, size);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

// Wipes one plain object when the scope ends, whichever way it ends.
template <class T>
class WipeAtExit {
  public:
    [[gnu::always_inline]] explicit WipeAtExit(T &object) : object_(object) {}
    [[gnu::always_inline]] ~WipeAtExit() { wipe(&object_, sizeof(T)); }
    WipeAtExit(const WipeAtExit &) = delete;
    WipeAtExit &operator=(const WipeAtExit &) = delete;

  private:
    T &object_;
};

// Hides from the compiler that a mask is only ever 0 or ~0, so that it cannot turn a select into a jump.
[[gnu::always_inline]] inline uint64_t opaque(uint64_t value) {
    __asm__("" : "+r"(value));
    return value;
}

// All ones when bit is 1, zero when it is 0.
[[gnu::always_inline]] inline uint64_t mask_of(uint64_t bit) { return opaque(uint64_t(0) - bit); }

// 1 when the value is zero, else 0.
[[gnu::always_inline]] inline uint64_t is_zero(uint64_t value) { return 1 ^ ((value | (uint64_t(0) - value)) >> 63); }

// 1 when both byte strings are equal, else 0; looks at every byte either way.
[[gnu::always_inline]] inline uint64_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t size) {
    uint64_t difference = 0;
    for (size_t i = 0; i < size; i++) difference |= uint64_t(a[i] ^ b[i]);
    return is_zero(opaque(difference));
}

}  // namespace assent
