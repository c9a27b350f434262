// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/backtrace.hpp"

#include "kernel/debug/ksyms.hpp"

#include <arch/layout.hpp>
#include <optional>

extern "C" const char __text_start[], __text_end[], __data_start[], __data_end[];
extern "C" const std::byte __ksyms_start[], __ksyms_end[];

namespace runnel::debug {
namespace {

u64 address_of(const void* symbol) { return reinterpret_cast<uptr>(symbol); }

/// The stack a live stack pointer lies in, by the layout of stacks alone: no locks, no page tables.
std::optional<StackBounds> stack_around(u64 sp) {
  if (sp >= arch::kVmapStart && sp < arch::kVmapStart + arch::kVmapSize) {
    const u64 slot = align_down(sp, arch::kStackSlot); // an overflowed sp is in the slot's lower half
    return StackBounds{slot + arch::kStackSize, slot + arch::kStackSlot};
  }
  if (sp >= address_of(__data_start) && sp < address_of(__data_end)) // stacks of early boot
    return StackBounds{address_of(__data_start), address_of(__data_end)};
  return std::nullopt;
}

} // namespace

bool is_kernel_text(u64 address) {
  return address >= address_of(__text_start) && address < address_of(__text_end);
}

Backtrace backtrace_of(const arch::Registers& regs, Trust trust) {
  Backtrace trace;
  trace.add(regs.pc());
  if (regs.from_user()) return trace; // whatever it has in its registers leads nowhere here
  auto stack = stack_around(regs.sp());
  if (!stack) return trace;
  // After a call to nowhere no frame was built yet: where it was called from is still on top (x86_64).
  if (!is_kernel_text(regs.pc()) && regs.sp() % sizeof(u64) == 0 && stack->contains(regs.sp(), sizeof(u64))) {
    const u64 top = *reinterpret_cast<const u64*>(regs.sp());
    if (is_kernel_text(top)) trace.add(top);
  }
  u64 frame = regs.fp();
  if (stack->contains(regs.sp(), 0)) stack->low = regs.sp();
  constexpr int kMaxStacks = 3; // emergency stack, interrupted emergency stack, thread
  for (int i = 0; i < kMaxStacks && stack; ++i) {
    const FrameWalk walk = walk_frames(frame, *stack, std::span(trace.frames).subspan(trace.count));
    trace.count += walk.count;
    if (walk.left_at == 0 || trust == Trust::kOwnStackOnly || stack->contains(walk.left_at, 1)) break;
    frame = walk.left_at;
    stack = stack_around(frame);
    if (stack) stack->low = frame;
  }
  return trace;
}

[[gnu::noinline]] Backtrace backtrace_here() {
  return backtrace_of(arch::capture_registers(), Trust::kOwnStackOnly);
}

void print_symbol(u64 address, Lookup lookup, Sink& sink) {
  if (is_kernel_text(address)) {
    const SymbolTable symbols{{__ksyms_start, static_cast<usize>(__ksyms_end - __ksyms_start)}};
    const u64 inside = lookup == Lookup::kReturnAddress ? address - 1 : address;
    if (const auto symbol = symbols.find(inside))
      return format_to(sink, "{}+{:#x}", symbol->name, symbol->offset + (address - inside));
  }
  sink.write("?");
}

void print_backtrace(const Backtrace& trace, std::string_view prefix, Sink& sink) {
  for (usize i = 0; i < trace.count; ++i) {
    const Frame& frame = trace.frames[i];
    format_to(sink, "{}#{} {:#018x} ", prefix, i, frame.return_address);
    print_symbol(frame.return_address, i == 0 ? Lookup::kExact : Lookup::kReturnAddress, sink);
    if (frame.times > 1) format_to(sink, " ({} times)", frame.times);
    sink.write("\n");
  }
}

} // namespace runnel::debug
