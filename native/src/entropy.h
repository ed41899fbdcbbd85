// The operating system's generator, the only source of randomness here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace assent {

// False when the system refuses; the bytes are then undefined.
bool random_bytes(uint8_t *bytes, size_t size);

}  // namespace assent
