// The instruction set that batches run on, chosen once; see gateway/kernel/isa.py.
#pragma once

namespace assent {

enum class Isa { PORTABLE = 0, IFMA = 1 };  // IFMA: AVX-512 F, DQ, BW, VL, IFMA, VBMI2, with the system saving zmm

// In use now. Read once per batch, never inside a loop over rows.
Isa isa();

}  // namespace assent
