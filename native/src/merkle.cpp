#include "merkle.h"

#include "lanes.h"

namespace assent {

namespace {

constexpr size_t DIGEST = MerkleTree::DIGEST;
constexpr size_t SUBTREE = 1024;  // leaves hashed level by level at a time
constexpr uint8_t LEAF = 0, NODE = 1;

// MTH of a complete subtree into digests[0 .. 31]; `leaves` is a power of two, at most SUBTREE.
void hash_subtree(uint8_t *digests, const uint8_t *rows, size_t leaves, size_t width) {
    LaneHash<uint32_t> lanes;
    const Sha256 start;
    for_each_group<uint32_t>(leaves, [&](size_t first, size_t count) {
        lanes.begin(start);
        lanes.absorb(count, [&](auto &message, size_t lane) {
            message.update(&LEAF, 1);
            message.update(rows + (first + lane) * width, width);
        });
        lanes.store(digests + first * DIGEST, count);
    });
    // In place: a node lies before its children, and a group is read before it is written.
    for (size_t nodes = leaves / 2; nodes != 0; nodes /= 2) {
        for_each_group<uint32_t>(nodes, [&](size_t first, size_t count) {
            lanes.begin(start);
            lanes.absorb(count, [&](auto &message, size_t lane) {
                message.update(&NODE, 1);
                message.update(digests + 2 * (first + lane) * DIGEST, 2 * DIGEST);
            });
            lanes.store(digests + first * DIGEST, count);
        });
    }
}

void hash_children(uint8_t digest[DIGEST], const uint8_t *left, const uint8_t *right) {
    Sha256 hash;
    hash.update(&NODE, 1);
    hash.update(left, DIGEST);
    hash.update(right, DIGEST);
    hash.finish(digest);
}

}  // namespace

void MerkleTree::add(const uint8_t *leaves, uint64_t rows, size_t width) {
    uint8_t digests[SUBTREE * DIGEST];
    while (rows != 0) {
        // The largest complete subtree that starts here and is at hand.
        size_t size = SUBTREE;
        while (leaves_ % size != 0 || size > rows) size /= 2;
        hash_subtree(digests, leaves, size, width);
        for (uint64_t full = leaves_ / size; full & 1; full >>= 1) hash_children(digests, roots_[--depth_], digests);
        copy_bytes(roots_[depth_++], digests, DIGEST);
        leaves_ += size;
        leaves += size * width;
        rows -= size;
    }
}

void MerkleTree::root(uint8_t digest[DIGEST]) const {
    if (leaves_ == 0) {
        Sha256().finish(digest);
        return;
    }
    copy_bytes(digest, roots_[depth_ - 1], DIGEST);
    for (size_t i = depth_ - 1; i > 0; i--) hash_children(digest, roots_[i - 1], digest);
}

}  // namespace assent
