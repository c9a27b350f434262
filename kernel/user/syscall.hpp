// SPDX-License-Identifier: Apache-2.0
// System calls: one implementation per call, `i64 sys_NAME(...)` in a file by subject, and one table with the
// numbers of both architectures (syscall_table.cpp).
//
// A call takes up to six integers (the user's registers, cut to the parameter's type as Linux cuts them) and,
// where it must see or change them, `arch::UserRegs&` as its first parameter. It gives a result or a negative
// errno; the internal kRestart... values are never seen by the user (signals turn them into EINTR or a
// restart).
#pragma once

#include "kernel/lib/errno.hpp"

#include <arch/user.hpp>
#include <string_view>
#include <utility>

namespace runnel::user {

/// "Restart me" results, Linux' values: at exit to user mode, with a signal to deliver or none.
inline constexpr i64 kRestartSys = -512;          // restart if SA_RESTART or no handler runs, else EINTR
inline constexpr i64 kRestartNoIntr = -513;       // always restart
inline constexpr i64 kRestartNoHand = -514;       // restart only if no handler runs
inline constexpr i64 kRestartRestartBlock = -516; // as the last, through restart_syscall

constexpr i64 negative(Errno e) { return -static_cast<i64>(e); }
/// Result of a call from a Result.
constexpr i64 to_syscall(const Result<>& r) { return r ? 0 : negative(r.error()); }
template <typename T> constexpr i64 to_syscall(const Result<T>& r) {
  return r ? static_cast<i64>(*r) : negative(r.error());
}

using SyscallFn = i64 (*)(arch::UserRegs& regs);

namespace detail {

template <typename... Args> struct Caller {
  template <i64 (*Fn)(Args...), usize... I> static i64 call(arch::UserRegs& regs, std::index_sequence<I...>) {
    static_assert(sizeof...(Args) <= 6);
    return Fn(static_cast<Args>(regs.syscall_arg(I))...);
  }
};

template <auto Fn> struct Adapter;
template <typename... Args, i64 (*Fn)(Args...)> struct Adapter<Fn> {
  static i64 call(arch::UserRegs& regs) {
    return Caller<Args...>::template call<Fn>(regs, std::index_sequence_for<Args...>{});
  }
};
template <typename... Args, i64 (*Fn)(arch::UserRegs&, Args...)> struct Adapter<Fn> {
  template <usize... I> static i64 call(arch::UserRegs& regs, std::index_sequence<I...>) {
    return Fn(regs, static_cast<Args>(regs.syscall_arg(I))...);
  }
  static i64 call(arch::UserRegs& regs) { return call(regs, std::index_sequence_for<Args...>{}); }
};

} // namespace detail

inline constexpr u16 kNoNumber = 0xffff; // the architecture has no such call

/// One line of the table.
struct Syscall {
  u16 x86_64 = kNoNumber;
  u16 generic = kNoNumber; // arm64's
  const char* name = "";
  SyscallFn call = nullptr; // nullptr: known by name only, -ENOSYS
};

/// `{1, 64, "write", handler<sys_write>}`.
template <auto Fn> inline constexpr SyscallFn handler = &detail::Adapter<Fn>::call;

/// Carries out one call: dispatch by number, result into `regs`. Unknown numbers give -ENOSYS.
void do_syscall(arch::UserRegs& regs);
/// "write", or "?" for a number this architecture has no call for.
std::string_view syscall_name(u64 number);

} // namespace runnel::user
