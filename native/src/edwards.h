// The twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 behind ristretto255, extended coordinates of
// Hisil, Wong, Carter, Dawson (2008): x = X/Z, y = Y/Z, xy = T/Z. The formulas are complete: no special points.
#pragma once

#include "field.h"
#include "scalar.h"

namespace assent {

// Tight coordinates.
struct Point {
    Field X, Y, Z, T;
};

constexpr Point IDENTITY = {FIELD_ZERO, FIELD_ONE, FIELD_ONE, FIELD_ZERO};

Point add(const Point &p, const Point &q);

// (digits) * p with the same sequence of operations and addresses for all digits: 252 doublings, 63 additions,
// every table entry read at each selection.
Point multiply(const Point &p, const Digits &digits);

}  // namespace assent
