#include <new>

#include "api.h"
#include "entropy.h"
#include "scalar_handle.h"
#include "secret.h"

using namespace assent;

assent_scalar *assent_scalar_new(void) { return new (std::nothrow) assent_scalar{}; }

void assent_scalar_wipe(assent_scalar *scalar) { wipe(scalar, sizeof *scalar); }

void assent_scalar_free(assent_scalar *scalar) {
    if (scalar == nullptr) return;
    assent_scalar_wipe(scalar);
    delete scalar;
}

int32_t assent_scalar_random(assent_scalar *scalar) {
    uint8_t wide[64];
    const WipeAtExit<uint8_t[64]> wipe_wide(wide);
    do {
        if (!random_bytes(wide, sizeof wide)) return ASSENT_NO_ENTROPY;
        scalar_from_wide_bytes(scalar->value, wide);
    } while (scalar_is_zero(scalar->value));
    return ASSENT_OK;
}

int32_t assent_scalar_from_bytes(assent_scalar *scalar, const uint8_t *bytes) {
    return scalar_from_bytes(scalar->value, bytes) ? ASSENT_OK : ASSENT_NOT_A_SCALAR;
}

void assent_scalar_to_bytes(const assent_scalar *scalar, uint8_t *bytes) { scalar_to_bytes(bytes, scalar->value); }

void assent_scalar_invert(const assent_scalar *scalar, assent_scalar *inverse) {
    scalar_invert(inverse->value, scalar->value);
}

int32_t assent_scalar_equal(const assent_scalar *a, const assent_scalar *b) {
    uint64_t difference = 0;
    for (int i = 0; i < 4; i++) difference |= a->value.w[i] ^ b->value.w[i];
    return int32_t(is_zero(opaque(difference)));
}
