// SPDX-License-Identifier: Apache-2.0
// What a test leaves behind: memory and threads, compared with what there was before it.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/mm/usage.hpp"

namespace runnel::test {

class LeakCheck {
 public:
  /// Takes what is in use now as what may be, after waiting for pending reclamation. Thread context.
  void rebase();
  /// Whether everything taken since rebase() is given back, after waiting for pending reclamation if need be.
  /// If not, says into `sink`, in lines beginning with `prefix`, what is missing, and takes the new state as
  /// the base. Thread context.
  bool is_clean(Sink& sink, std::string_view prefix);

 private:
  mm::MemoryUsage memory_;
  u32 threads_ = 0;
};

} // namespace runnel::test
