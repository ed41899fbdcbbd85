#include "isa.h"

#include <atomic>

#include "api.h"
#ifdef ASSENT_WITH_IFMA
#include "ifma/batch.h"
#endif

namespace assent {

namespace {

constexpr uint32_t bit_of(Isa isa) { return uint32_t(1) << uint32_t(isa); }

// What both this build and this processor hold. The feature bits of libgcc and compiler-rt come from CPUID, and those
// of AVX-512 from XGETBV as well: without a system that saves zmm registers they are clear.
uint32_t held_isas() {
    uint32_t held = bit_of(Isa::PORTABLE);
#ifdef ASSENT_WITH_IFMA
    __builtin_cpu_init();  // this runs before main
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2")) {
        held |= bit_of(Isa::IFMA);
    }
#endif
    return held;
}

const uint32_t HELD = held_isas();
std::atomic<Isa> in_use{HELD & bit_of(Isa::IFMA) ? Isa::IFMA : Isa::PORTABLE};

}  // namespace

Isa isa() { return in_use.load(std::memory_order_relaxed); }

}  // namespace assent

using namespace assent;

uint32_t assent_isas(void) { return HELD; }

int32_t assent_use_isa(uint32_t isa) {
    if (isa >= 32 || !(HELD >> isa & 1)) return ASSENT_NO_SUCH_ISA;
    in_use.store(Isa(isa), std::memory_order_relaxed);
    return ASSENT_OK;
}

int32_t assent_ifma_field([[maybe_unused]] uint32_t operation, [[maybe_unused]] const uint64_t *a,
                          [[maybe_unused]] const uint64_t *b, [[maybe_unused]] uint64_t *result) {
    if (!(HELD & bit_of(Isa::IFMA))) return ASSENT_NO_SUCH_ISA;
#ifdef ASSENT_WITH_IFMA
    ifma::field_operation(operation, a, b, result);
#endif
    return ASSENT_OK;
}
