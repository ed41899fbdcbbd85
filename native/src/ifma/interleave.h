// Two sequences of vector instructions woven into one, so that the latency of one is filled with the work of the other.
//
// A job is a struct with `static constexpr int STEPS` and `template <int I> void step()`, about one instruction a step.
// vector.h's operations are volatile, so that they stay in the order in which steps run: gcc's own order is a quarter
// slower.
//
// Everything under ifma/ is in unnamed namespaces and included by batch.cpp alone, the one unit that is compiled with
// the flags of these instructions: no copy of a function built with them can serve code that runs elsewhere.
#pragma once

#include <utility>

namespace assent::ifma {
namespace {

template <int FIRST, class Job, int... I>
[[gnu::always_inline]] inline void run_steps(Job &job, std::integer_sequence<int, I...>) {
    (job.template step<FIRST + I>(), ...);
}

template <int FIRST, int END, class Job>
[[gnu::always_inline]] inline void run(Job &job) {
    if constexpr (FIRST < END) run_steps<FIRST>(job, std::make_integer_sequence<int, END - FIRST>());
}

// Runs a job by itself.
template <class Job>
[[gnu::always_inline]] inline void run(Job job) {
    run<0, Job::STEPS>(job);
}

struct Nothing {
    static constexpr int STEPS = 0;
};

// One job after another, as one job.
template <class First, class Rest>
struct Sequence {
    First first;
    Rest rest;
    static constexpr int STEPS = First::STEPS + Rest::STEPS;

    template <int I>
    [[gnu::always_inline]] inline void step() {
        if constexpr (I < First::STEPS) {
            first.template step<I>();
        } else {
            rest.template step<I - First::STEPS>();
        }
    }
};

template <class Job>
[[gnu::always_inline]] inline Job sequence(Job job) {
    return job;
}

template <class First, class... Rest>
[[gnu::always_inline]] inline auto sequence(First first, Rest... rest) {
    auto tail = sequence(rest...);
    return Sequence<First, decltype(tail)>{first, tail};
}

// How many of the side job's steps are due after step i of the main job: spread evenly, from the fourth main step on,
// since what the side job waits for may just have been issued.
template <class Main, class Side>
constexpr int due(int i) {
    constexpr int wait = 4, span = Main::STEPS - wait;
    if (i < wait) return 0;
    const int steps = (i + 1 - wait) * Side::STEPS / span;
    return steps < Side::STEPS ? steps : Side::STEPS;
}

template <class Main, class Side, int... I>
[[gnu::always_inline]] inline void weave(Main &main, Side &side, std::integer_sequence<int, I...>) {
    ((main.template step<I>(), run<(I == 0 ? 0 : due<Main, Side>(I - 1)), due<Main, Side>(I)>(side)), ...);
}

// Runs both jobs at once; neither may use what the other makes.
template <class Main, class Side>
[[gnu::always_inline]] inline void interleave(Main main, Side side) {
    weave(main, side, std::make_integer_sequence<int, Main::STEPS>());
}

}  // namespace
}  // namespace assent::ifma
