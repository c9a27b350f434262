// SPDX-License-Identifier: Apache-2.0
// From a path to a program that can run: a new address space with its segments and its initial stack.
#pragma once

#include "kernel/fs/inode.hpp"
#include "kernel/lib/errno.hpp"
#include "kernel/user/process.hpp"

#include <span>
#include <string_view>

namespace runnel::user {

/// What /proc/self/exe leads to. Processes that fork share it.
struct Executable final : RefCounted {
  fs::Path path;
  explicit Executable(const fs::Path& file) : path(file) {}
};

/// A program ready to run; `mm` is a use of it, the caller's.
struct Program {
  Mm* mm = nullptr;
  u64 entry = 0;                         // of the interpreter where there is one
  u64 stack = 0;                         // stack pointer
  RefPtr<Executable> file;               // of a script: its interpreter
  char comm[sizeof(Process::comm)] = {}; // last component of the path: the thread's name
};

/// What /proc says of a process's program from now on.
void name_program(Process& process, const Program& program);
/// Its last thread has ended.
void forget_program(Process& process);

/// Loads `path` with these arguments into a new address space with the limits and credentials of `owner`;
/// nothing of `owner` changes. An empty argv becomes one empty string. kNOENT, kACCES, kNOEXEC, kINVAL,
/// kE2BIG, kNOMEM, kNAMETOOLONG, kLOOP (interpreters of interpreters), ... as execve.
Result<Program> load_program(std::string_view path, std::span<const std::string_view> argv,
                             std::span<const std::string_view> envp, const Process& owner);

/// Before become(): the process's other threads end, this one takes over the first one's number, and its
/// signal handlers are its own. kNOMEM; kAGAIN: the process ends, or another of its threads does the same.
Result<> be_alone();

/// Replaces the current thread's program (execve's second half): address space, registers, FPU, TLS,
/// descriptors marked for it. The process has one thread. Takes over program.mm.
void become(const Program& program);

} // namespace runnel::user
