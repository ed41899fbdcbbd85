// The type behind the handle that Python holds.
#pragma once

#include "api.h"
#include "scalar.h"

struct assent_scalar {
    assent::Scalar value;
};
