// SPDX-License-Identifier: Apache-2.0
// User and group ids: who may take on which. Root, by effective id, may all; others go between their real,
// effective and saved ids.
#include "kernel/user/calls.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

constexpr u32 kKeep = ~u32{0};

/// The four ids of one kind.
struct Ids {
  u32 real, effective, saved, file;

  bool has(u32 id) const { return id == real || id == effective || id == saved; }
};
Ids user_ids(const Credentials& c) { return {c.uid, c.euid, c.suid, c.fsuid}; }
Ids group_ids(const Credentials& c) { return {c.gid, c.egid, c.sgid, c.fsgid}; }
void put_user_ids(Credentials& c, const Ids& ids) {
  c.uid = ids.real, c.euid = ids.effective, c.suid = ids.saved, c.fsuid = ids.file;
}
void put_group_ids(Credentials& c, const Ids& ids) {
  c.gid = ids.real, c.egid = ids.effective, c.sgid = ids.saved, c.fsgid = ids.file;
}

/// CAP_SETUID and CAP_SETGID: root's.
enum class Power : bool { kNone, kRoot };

Result<Ids> set(Ids ids, Power power, u32 id) {
  if (id == kKeep) return err(Errno::kINVAL);
  if (power == Power::kRoot)
    ids.real = ids.saved = id;
  else if (id != ids.real && id != ids.saved)
    return err(Errno::kPERM);
  ids.effective = ids.file = id;
  return ids;
}

Result<Ids> set_two(const Ids& old, Power power, u32 real, u32 effective) {
  Ids ids = old;
  if (power != Power::kRoot) {
    if (real != kKeep && real != old.real && real != old.effective) return err(Errno::kPERM);
    if (effective != kKeep && !old.has(effective)) return err(Errno::kPERM);
  }
  if (real != kKeep) ids.real = real;
  if (effective != kKeep) ids.effective = effective;
  if (real != kKeep || (effective != kKeep && effective != old.real)) ids.saved = ids.effective;
  ids.file = ids.effective;
  return ids;
}

Result<Ids> set_three(const Ids& old, Power power, u32 real, u32 effective, u32 saved) {
  Ids ids = old;
  for (const u32 id : {real, effective, saved})
    if (power != Power::kRoot && id != kKeep && !old.has(id)) return err(Errno::kPERM);
  if (real != kKeep) ids.real = real;
  if (effective != kKeep) ids.effective = effective;
  if (saved != kKeep) ids.saved = saved;
  ids.file = ids.effective;
  return ids;
}

Ids set_file(Ids ids, Power power, u32 id) {
  if (id != kKeep && (power == Power::kRoot || ids.has(id) || id == ids.file)) ids.file = id;
  return ids;
}

/// `rule(ids, power)` gives the new ids of a kind.
template <typename Get, typename Put, typename Rule> i64 change(Get get, Put put, Rule rule) {
  Process& process = current_process();
  const IrqSpinGuard guard(process.lock);
  const Ids old = get(process.credentials);
  const Result<Ids> ids = rule(old, process.credentials.euid == 0 ? Power::kRoot : Power::kNone);
  if (!ids) return negative(ids.error());
  put(process.credentials, *ids);
  if (ids->effective != old.effective || ids->file != old.file) {
    process.controls.dumpable = 0;
    current_thread().controls.death_signal = 0;
  }
  return 0;
}
template <typename Rule> i64 change_users(Rule rule) { return change(user_ids, put_user_ids, rule); }
template <typename Rule> i64 change_groups(Rule rule) { return change(group_ids, put_group_ids, rule); }

i64 tell(const Ids& ids, u64 real, u64 effective, u64 saved) {
  if (const auto written = store_user<u32>(real, ids.real); !written) return negative(written.error());
  if (const auto written = store_user<u32>(effective, ids.effective); !written)
    return negative(written.error());
  return to_syscall(store_user<u32>(saved, ids.saved));
}

} // namespace

i64 sys_setuid(u32 id) {
  return change_users([&](const Ids& ids, Power power) { return set(ids, power, id); });
}
i64 sys_setgid(u32 id) {
  return change_groups([&](const Ids& ids, Power power) { return set(ids, power, id); });
}
i64 sys_setreuid(u32 real, u32 effective) {
  return change_users([&](const Ids& ids, Power power) { return set_two(ids, power, real, effective); });
}
i64 sys_setregid(u32 real, u32 effective) {
  return change_groups([&](const Ids& ids, Power power) { return set_two(ids, power, real, effective); });
}
i64 sys_setresuid(u32 real, u32 effective, u32 saved) {
  return change_users(
      [&](const Ids& ids, Power power) { return set_three(ids, power, real, effective, saved); });
}
i64 sys_setresgid(u32 real, u32 effective, u32 saved) {
  return change_groups(
      [&](const Ids& ids, Power power) { return set_three(ids, power, real, effective, saved); });
}

i64 sys_setfsuid(u32 id) {
  const u32 old = current_process().credentials.fsuid;
  static_cast<void>(
      change_users([&](const Ids& ids, Power power) { return Result<Ids>(set_file(ids, power, id)); }));
  return old;
}
i64 sys_setfsgid(u32 id) {
  const u32 old = current_process().credentials.fsgid;
  static_cast<void>(
      change_groups([&](const Ids& ids, Power power) { return Result<Ids>(set_file(ids, power, id)); }));
  return old;
}

i64 sys_getresuid(u64 real, u64 effective, u64 saved) {
  return tell(user_ids(current_process().credentials), real, effective, saved);
}
i64 sys_getresgid(u64 real, u64 effective, u64 saved) {
  return tell(group_ids(current_process().credentials), real, effective, saved);
}

i64 sys_getgroups(i32 size, u64 to) {
  if (size < 0) return negative(Errno::kINVAL);
  Credentials own;
  {
    Process& process = current_process();
    const IrqSpinGuard guard(process.lock);
    own = process.credentials;
  }
  if (size == 0) return own.nr_groups;
  if (static_cast<u32>(size) < own.nr_groups) return negative(Errno::kINVAL);
  const auto written = copy_to_user(to, own.groups, own.nr_groups * sizeof own.groups[0]);
  return written ? own.nr_groups : negative(written.error());
}

i64 sys_setgroups(u32 size, u64 from) {
  constexpr u32 kMost = 65536;
  Process& process = current_process();
  if (process.credentials.euid != 0) return negative(Errno::kPERM);
  if (size > kMost) return negative(Errno::kINVAL);
  Credentials fresh;
  if (size > std::size(fresh.groups)) return negative(Errno::kNOMEM); // nobody has needed more
  if (const auto read = copy_from_user(fresh.groups, from, size * sizeof fresh.groups[0]); !read)
    return negative(read.error());
  const IrqSpinGuard guard(process.lock);
  process.credentials.nr_groups = size;
  for (u32 i = 0; i < size; ++i) process.credentials.groups[i] = fresh.groups[i];
  return 0;
}

} // namespace runnel::user
