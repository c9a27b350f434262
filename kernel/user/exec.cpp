// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/exec.hpp"

#include "kernel/fs/file_head.hpp"
#include "kernel/fs/vfs.hpp"
#include "kernel/log/log.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/user/elf.hpp"
#include "kernel/user/exec_script.hpp"
#include "kernel/user/exec_stack.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/futex/exit.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/rseq/cid.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "kernel/user/timers/process_timers.hpp"
#include "kernel/user/vdso/vdso.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace runnel::user {
namespace {

/// An open ELF file and its beginning, which holds its headers.
struct Source {
  static constexpr usize kHead = 16 * 1024;
  fs::Path path;
  fs::FilePtr file;
  fs::FileHead head;
  VmObject* object = nullptr; // the file's
};

Result<> open_program(const Process& owner, std::string_view path, Source& source) {
  const fs::WalkBase base{owner.paths->root(), owner.paths->cwd()};
  const auto found = fs::walk(base, path, fs::kFollow);
  if (!found) return err(found.error());
  fs::Inode& inode = found->path.inode();
  if (inode.type() != fs::kTypeRegular) return err(Errno::kACCES);
  RUNNEL_TRY(fs::check_access(inode, fs::kMayExec));
  auto file = inode.open(found->path, fs::kReadOnly); // to be run, not read: that right is enough
  if (!file) return err(file.error());
  source.path = found->path;
  source.file = std::move(*file);
  const auto object = source.file->vm_object();
  if (!object) return err(Errno::kACCES);
  source.object = *object;
  return source.head.read(*source.file, Source::kHead);
}

/// Owns a use of an address space until it is released.
struct MmOwner {
  Mm* mm = nullptr;
  explicit MmOwner(Mm* owned) : mm(owned) {}
  MmOwner(const MmOwner&) = delete;
  MmOwner& operator=(const MmOwner&) = delete;
  ~MmOwner() {
    if (mm != nullptr) mm->put();
  }
  Mm* release() { return std::exchange(mm, nullptr); }
};

u64 prot_of(const ElfSegment& s) {
  return (s.read ? kPROT_READ : 0) | (s.write ? kPROT_WRITE : 0) | (s.execute ? kPROT_EXEC : 0);
}

Result<> map_fixed(Mm& mm, u64 address, u64 length, u64 prot, VmObject* object, u64 offset) {
  MapRequest request{.address = address,
                     .length = length,
                     .prot = prot,
                     .flags = kMAP_PRIVATE | kMAP_FIXED | (object == nullptr ? kMAP_ANONYMOUS : 0),
                     .object = object,
                     .offset = offset};
  const auto mapped = mm.mmap(request);
  return mapped ? Result<>() : err(mapped.error());
}

/// File pages as far as they go, zeros for the rest: first to the end of the last file page, then anonymous.
Result<> map_segment(Mm& mm, const Source& source, const ElfSegment& s, u64 bias) {
  const u64 start = s.address + bias;
  const u64 first_page = align_down(start, kPageSize);
  const u64 file_end = s.file_size == 0 ? first_page : align_up(start + s.file_size, kPageSize);
  const u64 end = align_up(start + s.memory_size, kPageSize);
  const u64 prot = prot_of(s);
  if (file_end > first_page)
    RUNNEL_TRY(map_fixed(mm, first_page, file_end - first_page, prot, source.object,
                         align_down(s.file_offset, kPageSize)));
  // To the end of the page, beyond the segment's: the dynamic linker's first heap is there.
  if (s.memory_size > s.file_size && s.write && file_end > start + s.file_size)
    RUNNEL_TRY(mm.fill_zero(start + s.file_size, file_end - start - s.file_size));
  if (end > file_end) RUNNEL_TRY(map_fixed(mm, file_end, end - file_end, prot, nullptr, 0));
  return {};
}

void note_addresses(Mm& mm, const ElfSegment& s, u64 bias) {
  ExecAddresses& a = mm.addresses;
  const u64 start = s.address + bias;
  const u64 end = start + s.file_size;
  if (s.execute) {
    a.code_start = a.code_start == 0 ? start : std::min(a.code_start, start);
    a.code_end = std::max(a.code_end, end);
  } else {
    a.data_start = std::max(a.data_start, start);
    a.data_end = std::max(a.data_end, end);
  }
}

Result<> map_segments(Mm& mm, const Source& source, const ElfImage& image, u64 bias) {
  for (u16 i = 0; i < image.nr_segments(); ++i)
    if (const ElfSegment s = image.segment(i); s.memory_size > 0)
      RUNNEL_TRY(map_segment(mm, source, s, bias));
  return {};
}

/// A free place of the mmap area, for what can lie anywhere; what is added to its addresses.
Result<u64> find_room(Mm& mm, const ElfImage& image) {
  const u64 size = image.high() - image.low();
  const u64 slack = image.alignment() - kPageSize;
  const auto room = mm.mmap(
      {.length = size + slack, .prot = kPROT_NONE, .flags = kMAP_PRIVATE | kMAP_ANONYMOUS | kMAP_NORESERVE});
  if (!room) return room;
  RUNNEL_TRY(mm.munmap(*room, size + slack));
  return align_up(*room, image.alignment()) - align_down(image.low(), image.alignment());
}

/// Where a program's own addresses are moved to.
Result<u64> choose_bias(Mm& mm, const ElfImage& image) {
  if (!image.position_independent()) return 0;
  if (image.interpreter().empty()) return find_room(mm, image); // a linker run by hand: out of the heap's way
  constexpr u32 kRandomBits = 28;
  const u64 base = kDynBase + random_pages(kRandomBits);
  return align_down(base, image.alignment()) - align_down(image.low(), image.alignment());
}

struct Loaded {
  u64 bias = 0;
  u64 entry = 0;
};

Result<Loaded> load_interpreter(const Process& owner, Mm& mm, std::string_view path) {
  Source source;
  RUNNEL_TRY(open_program(owner, path, source));
  const auto image = ElfImage::parse(source.head.get(), arch::kElfMachine, arch::kUserEnd);
  // Linux: whatever is wrong with an interpreter, it is a bad library.
  if (!image) return err(image.error() == Errno::kNOEXEC ? Errno::kLIBBAD : image.error());
  Loaded loaded;
  if (image->position_independent()) {
    const auto bias = find_room(mm, *image);
    if (!bias) return err(bias.error());
    loaded.bias = *bias;
  }
  RUNNEL_TRY(map_segments(mm, source, *image, loaded.bias));
  loaded.entry = image->entry() + loaded.bias;
  return loaded;
}

void place_break(Mm& mm, const ElfImage& image, u64 bias) {
  // A program that was put into the mmap area has no room above it.
  const bool elsewhere = image.position_independent() && image.interpreter().empty();
  constexpr u32 kRandomBits = 13;
  mm.set_brk_start((elsewhere ? kDynBase : image.high() + bias) + random_pages(kRandomBits));
}

/// Where handlers return to whose actions name no place for it; nothing where every action does.
Result<> map_sigreturn(Mm& mm) {
  const std::span code(arch::kSigreturnCode);
  if (code.empty()) return {};
  const auto at = mm.mmap(
      {.length = kPageSize, .prot = kPROT_READ | kPROT_WRITE, .flags = kMAP_PRIVATE | kMAP_ANONYMOUS});
  if (!at) return err(at.error());
  RUNNEL_TRY(mm.copy_in(*at, std::as_bytes(code)));
  mm.addresses.sigreturn = *at;
  return mm.mprotect(*at, kPageSize, kPROT_READ | kPROT_EXEC);
}

struct Request {
  std::string_view path;
  std::span<const std::string_view> argv, envp;
  const Process& owner;
};

Result<u64> make_stack(Mm& mm, const Request& request, const ElfImage& image, const Loaded& program,
                       const Loaded& interpreter, u64 vdso) {
  const auto top = mm.map_stack(kPROT_READ | kPROT_WRITE | (image.executable_stack() ? kPROT_EXEC : 0));
  if (!top) return top;
  const Credentials& who = request.owner.credentials;
  const AuxEntry aux[] = {
      {kAuxSysinfoEhdr, vdso}, // 0: libraries make the calls
      {kAuxMinSignalStack, arch::signal_frame_size()},
      {kAuxHwcap, arch::hwcap()},
      {kAuxHwcap2, arch::hwcap2()},
      {kAuxPageSize, kPageSize},
      {kAuxClockTick, 100},
      {kAuxPhdr, image.headers_address() == 0 ? 0 : image.headers_address() + program.bias},
      {kAuxPhent, ElfImage::kHeaderSize},
      {kAuxPhnum, image.nr_headers()},
      {kAuxBase, interpreter.bias},
      {kAuxFlags, 0},
      {kAuxEntry, program.entry},
      {kAuxUid, who.uid},
      {kAuxEuid, who.euid},
      {kAuxGid, who.gid},
      {kAuxEgid, who.egid},
      {kAuxSecure, 0},
      {kAuxRseqFeatureSize, rseq::kFeatureSize},
      {kAuxRseqAlign, rseq::kAlign},
  };
  const std::string_view empty[] = {""};
  StackContents contents{.argv =
                             request.argv.empty() ? std::span<const std::string_view>(empty) : request.argv,
                         .envp = request.envp,
                         .path = request.path,
                         .platform = arch::kPlatform,
                         .random = {random_word(), random_word()},
                         .aux = aux,
                         .limit = request.owner.limits[kLimitStack].soft};
  return build_stack(mm, *top, contents);
}

Result<> load(Mm& mm, const Request& request, const Source& source, const ElfImage& image, Program& result) {
  const auto bias = choose_bias(mm, image);
  if (!bias) return err(bias.error());
  const Loaded program{.bias = *bias, .entry = image.entry() + *bias};
  RUNNEL_TRY(map_segments(mm, source, image, program.bias));
  for (u16 i = 0; i < image.nr_segments(); ++i) note_addresses(mm, image.segment(i), program.bias);
  place_break(mm, image, program.bias);
  Result<Loaded> interpreter = Loaded{};
  if (!image.interpreter().empty()) interpreter = load_interpreter(request.owner, mm, image.interpreter());
  if (!interpreter) return err(interpreter.error());
  printk_debug("user: {} at {:#x}, interpreter at {:#x}, break at {:#x}", request.path, program.bias,
               interpreter->bias, mm.brk(0));
  RUNNEL_TRY(map_sigreturn(mm));
  const auto vdso = map_vdso(mm);
  if (!vdso) return err(vdso.error());
  const auto stack = make_stack(mm, request, image, program, *interpreter, *vdso);
  if (!stack) return err(stack.error());
  result.stack = *stack;
  result.entry = image.interpreter().empty() ? program.entry : interpreter->entry;
  return {};
}

/// The ELF file at the end of a chain of scripts, and the arguments it gets for them.
class Opened {
 public:
  Opened() = default;
  ~Opened() { mm::kfree(words_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  Result<> open(std::string_view path, std::span<const std::string_view> argv, const Process& owner) {
    argv_ = argv;
    for (Source& source : sources_) {
      RUNNEL_TRY(open_program(owner, path, source));
      const auto bytes = source.head.get();
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      source_ = &source;
      if (!is_script(text)) return {};
      const auto line = parse_script_line(text);
      if (!line) return err(line.error());
      RUNNEL_TRY(prepend(*line, path));
      path = line->interpreter;
    }
    return err(Errno::kLOOP);
  }

  const Source& source() const { return *source_; }
  std::span<const std::string_view> argv() const { return argv_; }

 private:
  static constexpr usize kMaxScripts = 5;

  /// INTERPRETER [ARGUMENT] SCRIPT, and what the script was given behind its name.
  Result<> prepend(const ScriptLine& line, std::string_view script) {
    const auto rest = argv_.subspan(argv_.empty() ? 0 : 1);
    constexpr usize kMore = 3;
    auto* const words =
        static_cast<std::string_view*>(mm::kmalloc((rest.size() + kMore) * sizeof(std::string_view)));
    if (words == nullptr) return err(Errno::kNOMEM);
    usize n = 0;
    words[n++] = line.interpreter;
    if (!line.argument.empty()) words[n++] = line.argument;
    words[n++] = script;
    std::copy(rest.begin(), rest.end(), words + n);
    argv_ = {words, n + rest.size()};
    mm::kfree(std::exchange(words_, words));
    return {};
  }

  Source sources_[kMaxScripts + 1]; // the scripts' texts are in the arguments
  const Source* source_ = nullptr;
  std::span<const std::string_view> argv_;
  std::string_view* words_ = nullptr;
};

} // namespace

void name_program(Process& process, const Program& program) {
  RefPtr<Executable> file = program.file;
  Executable* old = file.release();
  {
    const IrqSpinGuard guard(process.lock);
    std::swap(process.executable, old);
    std::copy(std::begin(program.comm), std::end(program.comm), process.comm);
  }
  if (old != nullptr) old->put_ref();
}

void forget_program(Process& process) {
  Executable* old = nullptr;
  {
    const IrqSpinGuard guard(process.lock);
    std::swap(process.executable, old);
  }
  if (old != nullptr) old->put_ref();
}

Result<Program> load_program(std::string_view path, std::span<const std::string_view> argv,
                             std::span<const std::string_view> envp, const Process& owner) {
  Program result;
  if (path.empty()) return err(Errno::kNOENT);
  const std::string_view name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
  name.copy(result.comm, sizeof result.comm - 1);
  Opened opened;
  RUNNEL_TRY(opened.open(path, argv, owner));
  const Source& source = opened.source();
  const auto image = ElfImage::parse(source.head.get(), arch::kElfMachine, arch::kUserEnd);
  if (!image) return err(image.error());
  const auto created = Mm::create(mm_limits(owner));
  if (!created) return err(created.error());
  MmOwner mm(*created);
  RUNNEL_TRY(load(*mm.mm, {.path = path, .argv = opened.argv(), .envp = envp, .owner = owner}, source, *image,
                  result));
  result.file = RefPtr<Executable>::adopt(mm::knew<Executable>(source.path));
  if (!result.file) return err(Errno::kNOMEM);
  result.mm = mm.release();
  return result;
}

void become(const Program& program) {
  Thread& self = current_thread();
  Process& process = *self.process;
  program.mm->get(); // the process's own use; the other becomes the thread's
  Mm* old;
  {
    const IrqSpinGuard guard(process.lock); // /proc looks at it
    old = std::exchange(process.mm, program.mm);
  }
  if (self.task->mm != nullptr) futex_exec(self); // the old memory is still there
  // Only here, past all failure: who gives up his number and comes back would find the pool empty (spec
  // rseq_mm_cid 9.1).
  rseq::leave();
  if (Mm* mine = replace_current_mm(program.mm)) mine->put();
  rseq::join(*program.mm, *self.task);
  old->put();
  name_program(process, program);
  std::copy(std::begin(program.comm), std::end(program.comm), self.task->comm);
  process.files->close_on_exec();
  process.has_execed = true;
  release_vfork_parent(process);
  process.sighand->reset_handlers(); // load_program's caller has seen to it that it is this process's alone
  self.signals.altstack = {};
  process.controls.keep_capabilities.store(0, std::memory_order_relaxed);
  process.controls.dumpable.store(1, std::memory_order_relaxed);
  if (ProcessTimers* const timers = process.timers.load(std::memory_order_acquire)) timers->delete_posix();
  rseq::forget(self);
  self.clear_child_tid = 0;
  self.robust_list = 0;
  self.robust_list_size = 0;
  {
    const PreemptGuard stays;
    void* fpu = self.arch.fpu;
    arch::user_state_init(self.arch, fpu);
    arch::user_state_load(self.arch, self.task->stack_top);
  }
  self.regs().start_at(program.entry, program.stack);
}

} // namespace runnel::user
