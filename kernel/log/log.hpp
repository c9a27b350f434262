// SPDX-License-Identifier: Apache-2.0
// The kernel's voice: whole lines on the serial console and in a ring in memory. Works in any context; a line
// is never torn by another CPU's. From a panic on, only the panicking CPU speaks, and without the lock.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/log/level.hpp"

#include <arch/cpu.hpp>

namespace runnel::log {

void set_level(Level level);
Level level();

/// "[    0.001234] text\n": `importance` is the least level at which the console shows it.
void vprintk(Level importance, std::string_view fmt, std::span<const FormatArg> args);
/// "text\n" without a prefix, at every level, console only: protocol lines (KTAP, reports).
void vraw_print(std::string_view fmt, std::span<const FormatArg> args);
/// Text as it is, console only, no newline added: prompts and echo.
void raw_write(std::string_view text);

/// Several lines nobody gets between, as one piece. Holds the console lock with interrupts off: no
/// allocation, no sleep, no other printing while it lives. Write whole lines ending in '\n'.
class [[nodiscard]] RawBlock final : public Sink {
 public:
  RawBlock();
  ~RawBlock();
  RawBlock(const RawBlock&) = delete;
  RawBlock& operator=(const RawBlock&) = delete;
  void write(std::string_view text) override;

 private:
  arch::Cpu::IrqFlags flags_;
  bool locked_ = false;
  bool speak_ = true;
};

/// Makes this CPU the only one whose text reaches the console from now on; a line another CPU was in the
/// middle of is given a moment to finish, then cut. Never waits for a lock for ever. Interrupts off.
void enter_emergency();

/// Copies the newest part of the ring, whole lines, oldest first, into `buffer`; what was copied.
std::string_view recent(std::span<char> buffer);

} // namespace runnel::log

namespace runnel {

template <typename... Args> void printk(std::string_view fmt, const Args&... args) {
  const FormatArg list[] = {FormatArg(args)..., FormatArg(false)};
  log::vprintk(log::Level::kInfo, fmt, std::span(list, sizeof...(Args)));
}

/// printk for `log=debug`.
template <typename... Args> void printk_debug(std::string_view fmt, const Args&... args) {
  const FormatArg list[] = {FormatArg(args)..., FormatArg(false)};
  log::vprintk(log::Level::kDebug, fmt, std::span(list, sizeof...(Args)));
}

template <typename... Args> void raw_print(std::string_view fmt, const Args&... args) {
  const FormatArg list[] = {FormatArg(args)..., FormatArg(false)};
  log::vraw_print(fmt, std::span(list, sizeof...(Args)));
}

} // namespace runnel
