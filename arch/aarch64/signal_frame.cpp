// SPDX-License-Identifier: Apache-2.0
// Signal frames of aarch64 (spec linux_abi 5.3): siginfo, ucontext with a list of records, and a frame record
// above them.
#include <arch/signal_frame.hpp>

#include <arch/uaccess.hpp>
#include <cstddef>
#include <cstring>

namespace runnel::arch {
namespace {

constexpr u32 kFpsimdMagic = 0x4650'8001;
constexpr u32 kEsrMagic = 0x4553'5201;
constexpr usize kReservedSize = 4096;

struct RecordHead {
  u32 magic, size;
};
struct FpsimdRecord {
  RecordHead head;
  std::byte state[520]; // fpsr, fpcr, v0..v31: what UserState::fpu begins with
};
static_assert(sizeof(FpsimdRecord) == 528);
struct EsrRecord { // of a fault only
  RecordHead head;
  u64 esr;
};

struct Frame {
  std::byte info[128];
  u64 flags, link;
  u64 stack_base;
  u32 stack_flags, stack_pad;
  u64 stack_size;
  u64 mask, mask_room[15];
  u64 mcontext_pad; // mcontext is aligned to 16
  u64 fault_address, regs[31], sp, pc, pstate;
  u64 records_pad;
  FpsimdRecord fpsimd;
  EsrRecord esr; // not of a fault: zeroes, which end the list
  RecordHead end;
}; // what follows up to kFrameSize is nobody's, and not written
constexpr usize kContextAt = 128;
static_assert(offsetof(Frame, mask) == kContextAt + 40 &&
              offsetof(Frame, fault_address) == kContextAt + 176 && offsetof(Frame, sp) == kContextAt + 432 &&
              offsetof(Frame, fpsimd) == kContextAt + 464 &&
              offsetof(Frame, esr) == offsetof(Frame, fpsimd) + sizeof(FpsimdRecord));
constexpr usize kFrameSize = offsetof(Frame, fpsimd) + kReservedSize;
static_assert(kFrameSize == 4688);

struct FrameRecord { // above the frame: how debuggers walk past it
  u64 fp, lr;
};

bool is_user(u64 address, usize size) { return address <= kUserEnd && size <= kUserEnd - address; }

} // namespace

bool push_signal_frame(UserRegs& regs, const void* fpu, const SignalFrame& frame) {
  const u64 record_at = align_down(frame.top - sizeof(FrameRecord), 16);
  const u64 at = record_at - kFrameSize;
  if (record_at > frame.top || at > record_at || !is_user(at, kFrameSize + sizeof(FrameRecord))) return false;
  if (frame.restorer == 0) return false;
  Frame image{};
  std::memcpy(image.info, frame.info.data(), sizeof image.info);
  image.stack_base = frame.stack.base;
  image.stack_flags = frame.stack.flags;
  image.stack_size = frame.stack.size;
  image.mask = frame.mask;
  image.fault_address = frame.fault_address;
  std::memcpy(image.regs, regs.x, sizeof image.regs);
  image.sp = regs.stack;
  image.pc = regs.elr;
  image.pstate = regs.spsr;
  image.fpsimd.head = {kFpsimdMagic, sizeof(FpsimdRecord)};
  std::memcpy(image.fpsimd.state, fpu, sizeof image.fpsimd.state);
  if (frame.from_fault && frame.fault_code != 0)
    image.esr = {{kEsrMagic, sizeof(EsrRecord)}, frame.fault_code};
  const FrameRecord record{regs.x[29], regs.x[30]};
  if (uaccess_copy_to(at, &image, sizeof image) != 0 ||
      uaccess_copy_to(record_at, &record, sizeof record) != 0)
    return false;
  regs.x[0] = static_cast<u64>(frame.signo);
  regs.x[1] = at + offsetof(Frame, info);
  regs.x[2] = at + kContextAt;
  regs.x[29] = record_at;
  regs.x[30] = frame.restorer;
  regs.stack = at;
  regs.elr = frame.handler;
  regs.sanitise();
  return true;
}

std::optional<SignalReturn> pop_signal_frame(UserRegs& regs, void* fpu) {
  const u64 at = regs.stack;
  Frame image;
  if (at % 16 != 0 || !is_user(at, kFrameSize) || uaccess_copy_from(&image, at, sizeof image) != 0)
    return std::nullopt;
  if (image.fpsimd.head.magic != kFpsimdMagic || image.fpsimd.head.size != sizeof(FpsimdRecord))
    return std::nullopt;
  std::memcpy(regs.x, image.regs, sizeof image.regs);
  regs.stack = image.sp;
  regs.elr = image.pc;
  regs.spsr = image.pstate;
  regs.sanitise();
  std::memcpy(fpu, image.fpsimd.state, sizeof image.fpsimd.state);
  return SignalReturn{image.mask, {image.stack_base, image.stack_flags, image.stack_size}};
}

} // namespace runnel::arch
