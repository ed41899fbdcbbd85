// Large working memory that is read and written all over: on huge pages where the system gives them, which spares most
// of the page faults and of the misses in the table of pages.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace assent {

// An array of zeros of a plain type; throws std::bad_alloc.
template <class T>
class Scratch {
  public:
    explicit Scratch(size_t count) : bytes_(count * sizeof(T)) {
        if (bytes_ == 0) return;
        void *const memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        items_ = static_cast<T *>(memory);
#ifdef MADV_HUGEPAGE
        madvise(memory, bytes_, MADV_HUGEPAGE);  // where it is refused, small pages do
#endif
    }
    ~Scratch() {
        if (bytes_ != 0) munmap(items_, bytes_);
    }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;

    T &operator[](size_t i) { return items_[i]; }
    const T &operator[](size_t i) const { return items_[i]; }
    T *begin() { return items_; }

  private:
    const size_t bytes_;
    T *items_ = nullptr;
};

}  // namespace assent
