// SPDX-License-Identifier: Apache-2.0
// Scheduling policy and attributes of threads (spec sched_core 5.10).
#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/target.hpp"
#include "kernel/user/uaccess.hpp"

#include <sched/attr_copy.hpp>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

class UserAttr final : public sched::AttrMemory {
 public:
  explicit UserAttr(u64 address) : address_(address) {}
  bool read(u32 offset, std::span<u8> to) override {
    return copy_from_user(to.data(), address_ + offset, to.size()).has_value();
  }
  bool write(u32 offset, std::span<const u8> from) override {
    return copy_to_user(address_ + offset, from.data(), from.size()).has_value();
  }

 private:
  u64 address_;
};

sched::SchedRights rights_over(const Target& target) {
  const Credentials& self = current_process().credentials;
  return {.cap_sys_nice = may_set_priorities(self),
          .same_owner = owns(self, target.credentials()),
          .rlimit_nice = target.nice_limit(),
          .rlimit_rtprio = target.priority_limit()};
}

Result<Target> find(i32 pid) {
  if (pid < 0) return err(Errno::kINVAL);
  return find_target(static_cast<u32>(pid));
}

} // namespace

i64 sys_sched_setattr(i32 pid, u64 from, u32 flags) {
  if (from == 0 || pid < 0 || flags != 0) return negative(Errno::kINVAL);
  UserAttr memory(from);
  const auto attr = sched::copy_attr_in(memory);
  if (!attr) return negative(attr.error());
  if (static_cast<i32>(attr->policy) < 0) return negative(Errno::kINVAL);
  const auto target = find(pid);
  if (!target) return negative(target.error());
  return to_syscall(sched::sched_setattr(target->task(), *attr, rights_over(*target)));
}

i64 sys_sched_getattr(i32 pid, u64 to, u32 size, u32 flags) {
  if (to == 0 || pid < 0 || !sched::attr_size_understood(size)) return negative(Errno::kINVAL);
  const auto target = find(pid);
  if (!target) return negative(target.error());
  const auto attr = sched::sched_getattr(target->task(), flags);
  if (!attr) return negative(attr.error());
  UserAttr memory(to);
  return to_syscall(sched::copy_attr_out(memory, *attr, size));
}

i64 sys_sched_setscheduler(i32 pid, i32 policy, u64 param) {
  if (policy < 0 || param == 0 || pid < 0) return negative(Errno::kINVAL);
  const auto priority = read_user<u32>(param);
  if (!priority) return negative(priority.error());
  const auto target = find(pid);
  if (!target) return negative(target.error());
  return to_syscall(
      sched::sched_setscheduler(target->task(), static_cast<u32>(policy), *priority, rights_over(*target)));
}

i64 sys_sched_setparam(i32 pid, u64 param) {
  if (param == 0 || pid < 0) return negative(Errno::kINVAL);
  const auto priority = read_user<u32>(param);
  if (!priority) return negative(priority.error());
  const auto target = find(pid);
  if (!target) return negative(target.error());
  return to_syscall(sched::sched_setparam(target->task(), *priority, rights_over(*target)));
}

i64 sys_sched_getscheduler(i32 pid) {
  const auto target = find(pid);
  if (!target) return negative(target.error());
  const auto attr = sched::sched_getattr(target->task(), 0);
  if (!attr) return negative(attr.error());
  return attr->policy | ((attr->flags & sched::kSchedFlagResetOnFork) != 0 ? sched::kSchedResetOnFork : 0);
}

i64 sys_sched_getparam(i32 pid, u64 to) {
  if (to == 0 || pid < 0) return negative(Errno::kINVAL);
  const auto target = find(pid);
  if (!target) return negative(target.error());
  const auto attr = sched::sched_getattr(target->task(), 0);
  if (!attr) return negative(attr.error());
  return to_syscall(write_user<u32>(to, attr->priority));
}

i64 sys_sched_get_priority_max(u32 policy) { return to_syscall(sched::sched_get_priority_max(policy)); }
i64 sys_sched_get_priority_min(u32 policy) { return to_syscall(sched::sched_get_priority_min(policy)); }

i64 sys_sched_rr_get_interval(i32 pid, u64 to) {
  const auto target = find(pid);
  if (!target) return negative(target.error());
  const Duration slice = sched::sched_rr_get_interval(target->task());
  return to_syscall(write_user(to, to_timespec(static_cast<u64>(slice.ns))));
}

} // namespace runnel::user
