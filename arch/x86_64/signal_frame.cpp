// SPDX-License-Identifier: Apache-2.0
// Signal frames of x86_64 (spec linux_abi 5.2): return address, ucontext, siginfo, and above them the XSAVE
// image.
#include <arch/signal_frame.hpp>

#include "arch/x86_64/user_mode.hpp"

#include <arch/uaccess.hpp>
#include <cstddef>
#include <cstring>

namespace runnel::arch {
namespace {

constexpr u64 kHasXstate = 1, kHasSsFlags = 6; // ucontext flags: fpstate is extended; ss is saved, strictly
constexpr u32 kMagic1 = 0x4650'5853, kMagic2 = 0x4650'5845;
constexpr usize kLegacySize = 512, kHeaderAt = 512, kHeaderSize = 64, kMxcsrAt = 24, kSoftwareAt = 464;
constexpr u32 kMxcsrMask = 0xffff;
constexpr u64 kClearedForHandler = 0x400 | 0x1'0000 | 0x100; // DF, RF, TF

struct MachineContext {
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  u16 cs, gs, fs, ss;
  u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct Frame {
  u64 restorer;
  u64 flags, link;
  u64 stack_base;
  u32 stack_flags, stack_pad;
  u64 stack_size;
  MachineContext context;
  u64 mask;
  std::byte info[128];
};
static_assert(sizeof(MachineContext) == 256 && offsetof(Frame, context) == 48 &&
              offsetof(Frame, mask) == 304 && offsetof(Frame, info) == 312 && sizeof(Frame) == 440);
constexpr usize kContextAt = 8; // of the ucontext in the frame

/// Bytes 464 and on of the FXSAVE image, which the CPU leaves to software.
struct SoftwareBytes {
  u32 magic1, extended_size;
  u64 features;
  u32 xstate_size, pad[7];
};
static_assert(sizeof(SoftwareBytes) == 48);

bool is_user(u64 address, usize size) { return address <= kUserEnd && size <= kUserEnd - address; }
bool put(u64 to, const void* from, usize size) {
  return is_user(to, size) && uaccess_copy_to(to, from, size) == 0;
}
bool get(void* to, u64 from, usize size) {
  return is_user(from, size) && uaccess_copy_from(to, from, size) == 0;
}

bool put_fpu(u64 at, const void* fpu) {
  if (!put(at, fpu, fpu_size())) return false;
  if (fpu_features() == 0) return true;
  const auto size = static_cast<u32>(fpu_size());
  const SoftwareBytes software{kMagic1, size + u32{sizeof kMagic2}, fpu_features(), size, {}};
  return put(at + kSoftwareAt, &software, sizeof software) && put(at + size, &kMagic2, sizeof kMagic2);
}

bool get_fpu(void* fpu, u64 at) {
  if (at == 0) { // the handler wants a fresh one
    fpu_init(fpu);
    return true;
  }
  auto* const area = static_cast<std::byte*>(fpu);
  if (at % 64 != 0) return false;
  SoftwareBytes software;
  if (!get(&software, at + kSoftwareAt, sizeof software)) return false;
  u32 magic2 = 0;
  const bool extended = fpu_features() != 0 && software.magic1 == kMagic1 &&
                        software.xstate_size == fpu_size() &&
                        get(&magic2, at + software.xstate_size, sizeof magic2) && magic2 == kMagic2;
  if (!extended) fpu_init(fpu); // what lies behind the legacy part
  if (!get(area, at, extended ? fpu_size() : kLegacySize)) return false;
  u32 mxcsr = 0;
  std::memcpy(&mxcsr, area + kMxcsrAt, sizeof mxcsr);
  mxcsr &= kMxcsrMask; // other bits fault when loaded
  std::memcpy(area + kMxcsrAt, &mxcsr, sizeof mxcsr);
  if (fpu_features() == 0) return true;
  u64 components = 3; // x87 and SSE
  if (extended) std::memcpy(&components, area + kHeaderAt, sizeof components);
  components &= extended ? software.features & fpu_features() : 3;
  std::memset(area + kHeaderAt, 0, kHeaderSize); // what is reserved there faults when it is not 0
  std::memcpy(area + kHeaderAt, &components, sizeof components);
  return true;
}

MachineContext context_of(const UserRegs& r, const SignalFrame& frame, u64 fpstate) {
  const bool cpu_vector = frame.from_fault && r.vector < 32;
  return {.r8 = r.r8,
          .r9 = r.r9,
          .r10 = r.r10,
          .r11 = r.r11,
          .r12 = r.r12,
          .r13 = r.r13,
          .r14 = r.r14,
          .r15 = r.r15,
          .rdi = r.rdi,
          .rsi = r.rsi,
          .rbp = r.rbp,
          .rbx = r.rbx,
          .rdx = r.rdx,
          .rax = r.rax,
          .rcx = r.rcx,
          .rsp = r.rsp,
          .rip = r.rip,
          .rflags = r.rflags,
          .cs = static_cast<u16>(r.cs),
          .gs = 0,
          .fs = 0,
          .ss = static_cast<u16>(r.ss),
          .err = cpu_vector ? r.error_code : 0,
          .trapno = cpu_vector ? r.vector : 0,
          .oldmask = frame.mask,
          .cr2 = frame.fault_address,
          .fpstate = fpstate,
          .reserved = {}};
}

void restore(UserRegs& r, const MachineContext& c) {
  r.r8 = c.r8, r.r9 = c.r9, r.r10 = c.r10, r.r11 = c.r11, r.r12 = c.r12, r.r13 = c.r13, r.r14 = c.r14;
  r.r15 = c.r15, r.rdi = c.rdi, r.rsi = c.rsi, r.rbp = c.rbp, r.rbx = c.rbx, r.rdx = c.rdx, r.rax = c.rax;
  r.rcx = c.rcx, r.rsp = c.rsp, r.rip = c.rip, r.rflags = c.rflags;
  r.sanitise();
}

} // namespace

bool push_signal_frame(UserRegs& regs, const void* fpu, const SignalFrame& frame) {
  if (frame.restorer == 0) return false;
  const u64 fpstate = align_down(frame.top - fpu_size() - sizeof kMagic2, 64);
  const u64 at = align_down(fpstate - sizeof(Frame), 16) - 8; // as after a call: rsp + 8 is a multiple of 16
  if (fpstate >= frame.top || at >= fpstate) return false;
  Frame image{.restorer = frame.restorer,
              .flags = kHasSsFlags | (fpu_features() != 0 ? kHasXstate : 0),
              .link = 0,
              .stack_base = frame.stack.base,
              .stack_flags = frame.stack.flags,
              .stack_pad = 0,
              .stack_size = frame.stack.size,
              .context = context_of(regs, frame, fpstate),
              .mask = frame.mask,
              .info = {}};
  std::memcpy(image.info, frame.info.data(), sizeof image.info);
  if (!put(at, &image, sizeof image) || !put_fpu(fpstate, fpu)) return false;
  regs.rdi = static_cast<u64>(frame.signo);
  regs.rsi = at + offsetof(Frame, info);
  regs.rdx = at + kContextAt;
  regs.rax = 0;
  regs.rsp = at;
  regs.rip = frame.handler;
  regs.rflags &= ~kClearedForHandler;
  regs.sanitise();
  return true;
}

std::optional<SignalReturn> pop_signal_frame(UserRegs& regs, void* fpu) {
  Frame image;
  if (!get(&image, regs.rsp - kContextAt, sizeof image)) return std::nullopt;
  restore(regs, image.context);
  if (!get_fpu(fpu, image.context.fpstate)) return std::nullopt;
  return SignalReturn{image.mask, {image.stack_base, image.stack_flags, image.stack_size}};
}

} // namespace runnel::arch
