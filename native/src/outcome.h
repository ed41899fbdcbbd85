// What became of a chunk of rows.
#pragma once

#include <cstdint>

#include "api.h"

namespace assent {

struct Outcome {
    int32_t status;
    uint64_t row;  // the first at fault, from the start of whatever the outcome is of
};

constexpr Outcome DONE = {ASSENT_OK, 0};

}  // namespace assent
