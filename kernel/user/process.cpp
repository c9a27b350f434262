// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/process.hpp"

#include "kernel/fs/console.hpp"
#include "kernel/fs/walk.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/cpu_time/check.hpp"
#include "kernel/user/exec.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/tree.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

constexpr u64 kMiB = 1024 * 1024;

void set_default_limits(Process& process) {
  process.limits[kLimitStack] = {8 * kMiB, Limit::kInfinity};
  process.limits[kLimitCore] = {0, Limit::kInfinity};
  process.limits[kLimitProcesses] = {4096, 4096};
  process.limits[kLimitFiles] = {1024, 4096};
  process.limits[kLimitMemoryLock] = {8 * kMiB, 8 * kMiB};
  process.limits[kLimitSignals] = {4096, 4096};
  process.limits[kLimitMessages] = {819200, 819200};
  process.limits[kLimitNice] = {0, 0};
  process.limits[kLimitRealTime] = {99, 99}; // everybody may use real-time classes on this kernel
}

Result<> open_standard_files(Process& process) {
  const auto console = fs::open_console(fs::kReadWrite);
  if (!console) return err(console.error());
  for (i32 fd = 0; fd < 3; ++fd)
    RUNNEL_TRY(process.files->add(*console, FileTable::OnExec::kKeep, process.limits[kLimitFiles].soft));
  return {};
}

} // namespace

void put_process(Process& process) {
  if (process.refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (process.files != nullptr) process.files->put(); // it never ran
  if (process.paths != nullptr) process.paths->put_ref();
  if (process.mm != nullptr) process.mm->put();
  forget_program(process);
  if (process.sighand != nullptr) process.sighand->put();
  kdelete(&process);
}

Result<Process*> create_process() {
  Process* process = knew<Process>();
  if (process == nullptr) return err(Errno::kNOMEM);
  set_default_limits(*process);
  const auto handlers = Sighand::create();
  if (!handlers) {
    put_process(*process);
    return err(handlers.error());
  }
  process->sighand = *handlers;
  process->paths = fs::FsContext::create().release();
  const auto files = process->paths != nullptr ? FileTable::create() : Result<FileTable*>(err(Errno::kNOMEM));
  if (files) process->files = *files;
  if (const auto ready = files ? open_standard_files(*process) : Result<>(err(files.error())); !ready) {
    put_process(*process);
    return err(ready.error());
  }
  return process;
}

MmLimits mm_limits(const Process& process) {
  return {.address_space = process.limits[kLimitAddressSpace].soft,
          .stack = process.limits[kLimitStack].soft,
          .data = process.limits[kLimitData].soft};
}

void limits_changed(Process& process) {
  cpu_limit_changed(process);
  if (process.mm != nullptr) process.mm->set_limits(mm_limits(process));
}

Result<Process*> spawn(std::string_view path, std::span<const std::string_view> argv,
                       std::span<const std::string_view> envp) {
  const Result<Process*> made = create_process();
  if (!made) return made;
  Process& process = **made;
  const auto fail = [&](Errno error) -> Result<Process*> {
    put_process(process);
    return err(error);
  };
  const Result<Program> program = load_program(path, argv, envp, process);
  if (!program) return fail(program.error());
  process.mm = program->mm;
  name_program(process, *program);
  const Result<Thread*> thread = create_thread(process, program->comm);
  if (!thread) return fail(thread.error());
  process.pid = process.pgid = process.sid = (*thread)->tid();
  (*thread)->regs().start_at(program->entry, program->stack);
  {
    const SpinGuard guard(tree_lock);
    add_process(process, init_process());
    add_thread(**thread);
  }
  start_thread(**thread);
  return made;
}

} // namespace runnel::user
