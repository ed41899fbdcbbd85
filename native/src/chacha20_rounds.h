// The rounds of ChaCha20 (RFC 8439 sections 2.1 and 2.3), once for plain words and for vectors of them.
#pragma once

#include <cstdint>

namespace assent {

template <int BITS, class V>
inline V rotate_left(V x) {
    return x << BITS | x >> (32 - BITS);
}

// Section 2.1
template <class V>
inline void quarter_round(V &a, V &b, V &c, V &d) {
    a += b;
    d = rotate_left<16>(d ^ a);
    c += d;
    b = rotate_left<12>(b ^ c);
    a += b;
    d = rotate_left<8>(d ^ a);
    c += d;
    b = rotate_left<7>(b ^ c);
}

// Section 2.3, the 20 rounds without the addition at the end.
template <class V>
inline void chacha20_rounds(V s[16]) {
#pragma GCC unroll 1
    for (int i = 0; i < 10; i++) {
        quarter_round(s[0], s[4], s[8], s[12]);
        quarter_round(s[1], s[5], s[9], s[13]);
        quarter_round(s[2], s[6], s[10], s[14]);
        quarter_round(s[3], s[7], s[11], s[15]);
        quarter_round(s[0], s[5], s[10], s[15]);
        quarter_round(s[1], s[6], s[11], s[12]);
        quarter_round(s[2], s[7], s[8], s[13]);
        quarter_round(s[3], s[4], s[9], s[14]);
    }
}

}  // namespace assent
