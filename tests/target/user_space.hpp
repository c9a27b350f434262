// SPDX-License-Identifier: Apache-2.0
// Address spaces for tests: made, lived in by threads of the test, and touched through the MMU.
#pragma once

#include "kernel/fs/file_content.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/test.hpp"
#include "kernel/user/mm/mm.hpp"

#include <cstring>
#include <span>

namespace runnel::test {

using arch::Access;
using user::FaultVerdict;
using user::Mm;

/// One use of an address space.
class Space {
 public:
  explicit Space(const user::MmLimits& limits = {}) {
    const Result<Mm*> made = Mm::create(limits);
    REQUIRE(made.has_value());
    mm_ = *made;
  }
  explicit Space(Mm* mm) : mm_(mm) {}
  ~Space() { end(); }
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  void end() {
    if (mm_ != nullptr) std::exchange(mm_, nullptr)->put();
  }
  Mm& operator*() const { return *mm_; }
  Mm* operator->() const { return mm_; }
  Mm* get() const { return mm_; }

  /// Private anonymous memory, anywhere or exactly at `address`.
  u64 map(u64 size, u64 prot = user::kPROT_READ | user::kPROT_WRITE, u64 flags = user::kMAP_PRIVATE,
          u64 address = 0) {
    if (address != 0) flags |= user::kMAP_FIXED;
    const Result<u64> at =
        mm_->mmap({.address = address, .length = size, .prot = prot, .flags = flags | user::kMAP_ANONYMOUS});
    CHECK(at.has_value());
    return at ? *at : 0;
  }
  /// By the kernel's way to the memory of any address space.
  void write(u64 at, u64 value) { CHECK(mm_->copy_in(at, std::as_bytes(std::span(&value, 1))).has_value()); }
  u64 read(u64 at) {
    u64 value = 0;
    CHECK(mm_->copy_out(std::as_writable_bytes(std::span(&value, 1)), at).has_value());
    return value;
  }
  FaultVerdict touch(u64 at, Access access) { return mm_->handle_fault(at, access).verdict; }

 private:
  Mm* mm_ = nullptr;
};

/// One reference to a file of zeroes.
class Content {
 public:
  Content(u64 size, std::string_view name) : content_(fs::FileContent::create(1)) {
    REQUIRE(content_ != nullptr);
    content_->set_name(name);
    CHECK(content_->resize(size).has_value());
  }
  ~Content() {
    if (content_ != nullptr) content_->put();
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  fs::FileContent* get() const { return content_; }
  fs::FileContent* operator->() const { return content_; }

 private:
  fs::FileContent* content_;
};

/// The running thread lives in `mm` meanwhile.
class LivesIn {
 public:
  explicit LivesIn(Mm& mm) {
    mm.get();
    before_ = user::replace_current_mm(&mm);
  }
  ~LivesIn() {
    if (Mm* mm = user::replace_current_mm(before_); mm != nullptr) mm->put();
  }
  LivesIn(const LivesIn&) = delete;
  LivesIn& operator=(const LivesIn&) = delete;

 private:
  Mm* before_;
};

// One access of a user's word, with the rights of a user; false when the MMU refuses. Of an address space
// that the running thread lives in.
#ifdef __aarch64__
inline bool load_by_mmu(u64 at, u64& value) {
  u64 done = 0;
  asm volatile("1: ldtr %0, [%2]\n\t"
               "mov %1, #1\n"
               "2:\n\t"
               ".pushsection .runnel.fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection"
               : "+r"(value), "+r"(done)
               : "r"(at)
               : "memory");
  return done != 0;
}
inline bool store_by_mmu(u64 at, u64 value) {
  u64 done = 0;
  asm volatile("1: sttr %1, [%2]\n\t"
               "mov %0, #1\n"
               "2:\n\t"
               ".pushsection .runnel.fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection"
               : "+r"(done)
               : "r"(value), "r"(at)
               : "memory");
  return done != 0;
}
#endif

#ifdef __x86_64__
/// Lifts supervisor-mode access prevention for one access.
class UserOpen {
 public:
  UserOpen() { set<true>(); }
  ~UserOpen() { set<false>(); }

 private:
  template <bool open> static void set() {
    u64 cr4;
    asm volatile("movq %%cr4, %0" : "=r"(cr4));
    if ((cr4 & 1u << 21) == 0) return;
    if constexpr (open)
      asm volatile("stac" ::: "memory", "cc");
    else
      asm volatile("clac" ::: "memory", "cc");
  }
};

inline bool load_by_mmu(u64 at, u64& value) {
  u64 done = 0;
  const UserOpen open;
  asm volatile("1: movq (%2), %0\n\t"
               "movq $1, %1\n"
               "2:\n\t"
               ".pushsection .runnel.fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection"
               : "+r"(value), "+r"(done)
               : "r"(at)
               : "memory");
  return done != 0;
}
inline bool store_by_mmu(u64 at, u64 value) {
  u64 done = 0;
  const UserOpen open;
  asm volatile("1: movq %1, (%2)\n\t"
               "movq $1, %0\n"
               "2:\n\t"
               ".pushsection .runnel.fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection"
               : "+r"(done)
               : "r"(value), "r"(at)
               : "memory");
  return done != 0;
}
#endif

/// As a program does it: a fault is handled, and the access made again.
inline bool user_load(Mm& mm, u64 at, u64& value) {
  while (!load_by_mmu(at, value))
    if (!mm.handle_fault(at, Access::kRead).ok()) return false;
  return true;
}
inline bool user_store(Mm& mm, u64 at, u64 value) {
  while (!store_by_mmu(at, value))
    if (!mm.handle_fault(at, Access::kWrite).ok()) return false;
  return true;
}

} // namespace runnel::test
