// SPDX-License-Identifier: Apache-2.0
// Address spaces for tests: made, lived in by threads of the test, and touched through the MMU.
#pragma once

#include "kernel/fs/file_content.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/test.hpp"
#include "kernel/user/mm/mm.hpp"

#include <arch/uaccess.hpp>
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

/// One access of a user's word, with the rights of a user; false when the MMU refuses: nothing is mapped for
/// it meanwhile, for who may not be preempted may not sleep. Of the space that the running thread lives in.
inline bool load_by_mmu(u64 at, u64& value) {
  const sync::PreemptGuard faults_are_not_handled;
  return arch::uaccess_load(at, sizeof value, value);
}
inline bool store_by_mmu(u64 at, u64 value) {
  const sync::PreemptGuard faults_are_not_handled;
  return arch::uaccess_store(at, sizeof value, value);
}

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
