// Rows split over threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>
#include <thread>

#include "outcome.h"

namespace assent {

constexpr uint64_t CHUNK_ROWS = 512;
constexpr uint32_t MAX_THREADS = 256;

// Rows of a chunk, a multiple of 64 up to CHUNK_ROWS: large chunks share one inversion among more points, small ones
// give each of several threads a few, so that they end together.
inline uint64_t chunk_rows(uint64_t rows, uint32_t threads) {
    constexpr uint64_t STEP = 64, CHUNKS_PER_THREAD = 4;
    if (threads <= 1) return CHUNK_ROWS;
    const uint64_t share = rows / (CHUNKS_PER_THREAD * threads) / STEP * STEP;
    return share < STEP ? STEP : share < CHUNK_ROWS ? share : CHUNK_ROWS;
}

// Calls work(first, count) -> Outcome for consecutive chunks of at most CHUNK_ROWS rows on up to `threads` threads;
// rows of outcomes count from the start of the batch.
// Chunks are handed out in order and a chunk that was begun is finished, so the refusal reported is the first of
// the whole batch whatever the threads did.
template <class Work>
int32_t for_each_chunk(uint64_t rows, uint32_t threads, uint64_t *refused_row, const Work &work) {
    constexpr uint64_t NONE = UINT64_MAX;
    const uint64_t size = chunk_rows(rows, threads);
    std::atomic<uint64_t> next{0};
    std::atomic<uint64_t> first_refusal{NONE};  // row << 8 | status, so that the smallest is the first

    const auto run = [&] {
        while (first_refusal.load(std::memory_order_relaxed) == NONE) {
            const uint64_t first = next.fetch_add(size, std::memory_order_relaxed);
            if (first >= rows) return;
            const Outcome outcome = work(first, size_t(rows - first < size ? rows - first : size));
            if (outcome.status == ASSENT_OK) continue;
            const uint64_t refusal = outcome.row << 8 | uint64_t(outcome.status);
            uint64_t known = first_refusal.load();
            while (refusal < known && !first_refusal.compare_exchange_weak(known, refusal)) {
            }
        }
    };

    std::thread others[MAX_THREADS];
    const uint64_t chunks = rows / size + (rows % size != 0);
    uint32_t started = 0;
    while (started + 1 < threads && started + 1 < chunks && started < MAX_THREADS) {
        try {
            others[started] = std::thread(run);
        } catch (const std::system_error &) {
            break;  // the system has no thread left: those that run do the work
        }
        started++;
    }
    run();
    for (uint32_t i = 0; i < started; i++) others[i].join();

    const uint64_t refusal = first_refusal.load();
    if (refusal == NONE) return ASSENT_OK;
    *refused_row = refusal >> 8;
    return int32_t(refusal & 0xff);
}

}  // namespace assent
