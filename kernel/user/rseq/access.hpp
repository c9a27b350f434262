// SPDX-License-Identifier: Apache-2.0
// How rseq reaches user memory: several accesses in one going (arch/user_access.hpp), which tests can watch.
#pragma once

#include "kernel/user/rseq/test_points.hpp"

#include <arch/user_access.hpp>

namespace runnel::user::rseq {

class Access {
 public:
  template <typename T> bool load(u64 from, T& value) const {
    return !note_access() && arch::UserAccess::load(from, value);
  }
  template <typename T> bool store(u64 to, T value) const {
    return !note_access() && arch::UserAccess::store(to, value);
  }

 private:
  struct Noted {
    Noted() { note_window(); }
  };
  [[no_unique_address]] Noted noted_; // before the protection is lifted
  arch::UserAccess window_;
};

} // namespace runnel::user::rseq
