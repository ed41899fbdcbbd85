// The prime-order group ristretto255 of RFC 9496, on top of the Edwards curve.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edwards.h"

namespace assent {

constexpr size_t ELEMENT_BYTES = 32;

// RFC 9496 section 4.3.1. Returns 1 and the element, or 0 when the bytes are not the one encoding of an element.
// Whether it accepts is public; the identity is accepted here (32 zero bytes).
uint64_t decode(Point &element, const uint8_t bytes[ELEMENT_BYTES]);

// RFC 9496 section 4.3.2.
void encode(uint8_t bytes[ELEMENT_BYTES], const Point &element);

// RFC 9496 section 4.3.4: 64 uniform bytes to a uniform element; the same time for all inputs.
Point one_way_map(const uint8_t bytes[64]);

// 1 when the element is the identity of the group, in whichever of its four curve representatives.
uint64_t is_identity(const Point &element);

// Points encoded with one inversion, see double_and_encode.
constexpr size_t ENCODE_BATCH = 64;

// Encodes 2 * elements[i] for all i < count <= ENCODE_BATCH. Doubling maps all representatives of an element to
// one coset where no square root is left to take, and the inversions of a batch are one by Montgomery's trick.
void double_and_encode(uint8_t *bytes, const Point *elements, size_t count);

}  // namespace assent
