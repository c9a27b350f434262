// SPDX-License-Identifier: Apache-2.0
#include "kernel/log/log.hpp"

#include "boot/boot_info.hpp"
#include "kernel/log/ring.hpp"
#include "kernel/sync/spinlock.hpp"

#include <arch/console.hpp>
#include <arch/timer.hpp>
#include <atomic>

namespace runnel::log {
namespace {

constexpr usize kRingSize = 16 * 1024;
constexpr u32 kNobody = ~u32{0};
// How long an emergency waits for another CPU to finish its line: relax() rounds, since clocks may be dead.
constexpr u32 kEmergencyPatience = 200'000;
// A line that somebody else began ends here.
constexpr char kCut[] = {boot::kLineCut, '\n'};

constinit SpinLock console_lock{LockRank::kConsole};
constinit Ring<kRingSize> ring GUARDED_BY(console_lock);
constinit bool at_line_start GUARDED_BY(console_lock) = true;
constinit std::atomic<Level> console_level{Level::kInfo};
constinit std::atomic<u32> emergency_cpu{kNobody};
constinit std::atomic<u32> lock_holder{kNobody}; // which CPU holds console_lock

/// How a CPU may print. kUnlocked: it is the CPU of an emergency, or it is in the middle of printing already
/// (the lock checker or an NMI has something to say there); waiting for itself would be the end.
enum class Speech : u8 { kLocked, kUnlocked, kMute };

Speech may_speak() {
  const u32 self = arch::Cpu::this_cpu().value;
  const u32 emergency = emergency_cpu.load(std::memory_order_relaxed);
  if (emergency != kNobody) return emergency == self ? Speech::kUnlocked : Speech::kMute;
  return lock_holder.load(std::memory_order_relaxed) == self ? Speech::kUnlocked : Speech::kLocked;
}

/// Interrupts are off. Remembers in what it returns whether end_speech has a lock to release.
Speech begin_speech() NO_THREAD_SAFETY_ANALYSIS {
  const Speech speech = may_speak();
  if (speech == Speech::kLocked) {
    console_lock.lock();
    lock_holder.store(arch::Cpu::this_cpu().value, std::memory_order_relaxed);
  }
  return speech;
}

void end_speech(Speech speech) NO_THREAD_SAFETY_ANALYSIS {
  if (speech != Speech::kLocked) return;
  lock_holder.store(kNobody, std::memory_order_relaxed);
  console_lock.unlock();
}

class SCOPED_CAPABILITY Speaker {
 public:
  Speaker() ACQUIRE(console_lock) NO_THREAD_SAFETY_ANALYSIS : flags_(arch::Cpu::irq_save()) {
    sync::preempt_disable();
    speech_ = begin_speech();
  }
  ~Speaker() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    end_speech(speech_);
    arch::Cpu::irq_restore(flags_);
    sync::preempt_enable();
  }
  Speaker(const Speaker&) = delete;
  Speaker& operator=(const Speaker&) = delete;
  bool muted() const { return speech_ == Speech::kMute; }

 private:
  arch::Cpu::IrqFlags flags_;
  Speech speech_ = Speech::kMute;
};

void console_write(std::string_view text) REQUIRES(console_lock) {
  for (const char c : text) {
    // A CPU that lost its right to speak in the middle of a line stops there, so that the report is not torn.
    if (may_speak() == Speech::kMute) return;
    arch::console_put(c);
    at_line_start = c == '\n';
  }
}

/// Lines start at column 0 even after a prompt or a cut line: the host parses them.
void begin_line() REQUIRES(console_lock) {
  if (!at_line_start) console_write({kCut, sizeof kCut});
}

class ConsoleSink final : public Sink {
 public:
  void write(std::string_view text) override NO_THREAD_SAFETY_ANALYSIS { console_write(text); }
};

class LogSink final : public Sink {
 public:
  explicit LogSink(bool shown) : shown_(shown) {}
  void write(std::string_view text) override NO_THREAD_SAFETY_ANALYSIS {
    for (const char c : text) ring.put(c);
    if (shown_) console_write(text);
  }

 private:
  bool shown_;
};

} // namespace

void set_level(Level level) { console_level.store(level, std::memory_order_relaxed); }
Level level() { return console_level.load(std::memory_order_relaxed); }

void vprintk(Level importance, std::string_view fmt, std::span<const FormatArg> args) {
  const u64 us = arch::clock_now().ns / 1000;
  const Speaker speaker;
  if (speaker.muted()) return;
  const bool shown = importance <= level();
  if (shown) begin_line();
  LogSink sink{shown};
  format_to(sink, "[{:5}.{:06}] ", us / 1'000'000, us % 1'000'000);
  vformat(sink, fmt, args);
  sink.write("\n");
}

void vraw_print(std::string_view fmt, std::span<const FormatArg> args) {
  const Speaker speaker;
  if (speaker.muted()) return;
  begin_line();
  ConsoleSink sink;
  vformat(sink, fmt, args);
  sink.write("\n");
}

void raw_write(std::string_view text) {
  const Speaker speaker;
  if (!speaker.muted()) console_write(text);
}

RawBlock::RawBlock() NO_THREAD_SAFETY_ANALYSIS : flags_(arch::Cpu::irq_save()) {
  sync::preempt_disable();
  const Speech speech = begin_speech();
  locked_ = speech == Speech::kLocked;
  speak_ = speech != Speech::kMute;
  if (speak_) begin_line();
}

RawBlock::~RawBlock() {
  end_speech(locked_ ? Speech::kLocked : Speech::kUnlocked);
  arch::Cpu::irq_restore(flags_);
  sync::preempt_enable();
}

void RawBlock::write(std::string_view text) NO_THREAD_SAFETY_ANALYSIS {
  if (speak_) console_write(text);
}

void enter_emergency() NO_THREAD_SAFETY_ANALYSIS {
  const u32 self = arch::Cpu::this_cpu().value;
  if (emergency_cpu.load(std::memory_order_relaxed) == self) return;
  for (u32 i = 0; i < kEmergencyPatience && console_lock.is_locked(); ++i) {
    if (lock_holder.load(std::memory_order_relaxed) == self)
      break; // interrupted in the middle of its own line
    arch::Cpu::relax();
  }
  emergency_cpu.store(self, std::memory_order_relaxed);
  if (!at_line_start) console_write({kCut, sizeof kCut});
}

std::string_view recent(std::span<char> buffer) {
  const Speaker speaker;
  return ring.copy_recent(buffer);
}

} // namespace runnel::log
