#include "entropy.h"

#include <sys/random.h>

#include <cerrno>

namespace assent {

bool random_bytes(uint8_t *bytes, size_t size) {
    while (size > 0) {
        const ssize_t got = getrandom(bytes, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        bytes += got;
        size -= size_t(got);
    }
    return true;
}

}  // namespace assent
