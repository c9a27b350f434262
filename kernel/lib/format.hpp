// SPDX-License-Identifier: Apache-2.0
// Type-safe formatting without allocation: "{}" decimal or text, "{:x}" hexadecimal, "{:#x}" with 0x,
// "{:5}" / "{:05}" minimum width (numbers right, text left; more than kMaxFormatWidth counts as that much),
// "{{" and "}}" literal braces. Works in any context.
#pragma once

#include "kernel/lib/types.hpp"

#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>

namespace runnel {

/// The widest field: a damaged or mistaken format string must not keep the console busy with fill characters.
inline constexpr u32 kMaxFormatWidth = 255;

/// Where formatted text goes; one call per piece, never fails.
class Sink {
 public:
  virtual void write(std::string_view text) = 0;

 protected:
  ~Sink() = default;
};

/// Sink into a caller's buffer; text that does not fit is cut, `truncated()` tells.
class BufferSink final : public Sink {
 public:
  explicit BufferSink(std::span<char> buffer) : buffer_(buffer) {}
  void write(std::string_view text) override;
  std::string_view view() const { return {buffer_.data(), used_}; }
  bool truncated() const { return truncated_; }

 private:
  std::span<char> buffer_;
  usize used_ = 0;
  bool truncated_ = false;
};

/// One type-erased argument.
struct FormatArg {
  enum class Kind : u8 { kSigned, kUnsigned, kText, kChar, kPointer, kBool };
  Kind kind{};
  union {
    i64 s;
    u64 u;
    struct {
      const char* data;
      usize size;
    } text;
  };

  constexpr FormatArg(bool v) : kind(Kind::kBool), u(v) {}
  constexpr FormatArg(char v) : kind(Kind::kChar), u(static_cast<u8>(v)) {}
  template <std::signed_integral T> constexpr FormatArg(T v) : kind(Kind::kSigned), s(v) {}
  template <std::unsigned_integral T> constexpr FormatArg(T v) : kind(Kind::kUnsigned), u(v) {}
  template <typename T>
    requires std::is_enum_v<T>
  constexpr FormatArg(T v) : kind(Kind::kSigned), s(static_cast<i64>(v)) {}
  constexpr FormatArg(std::string_view v) : kind(Kind::kText), text{v.data(), v.size()} {}
  constexpr FormatArg(const char* v) : FormatArg(v ? std::string_view(v) : std::string_view("(null)")) {}
  FormatArg(const void* v) : kind(Kind::kPointer), u(reinterpret_cast<uptr>(v)) {}
  constexpr FormatArg(std::nullptr_t) : kind(Kind::kPointer), u(0) {}
  constexpr FormatArg(CpuId v) : FormatArg(v.value) {}
  constexpr FormatArg(Duration v) : FormatArg(v.ns) {}
  constexpr FormatArg(Instant v) : FormatArg(v.ns) {}
  constexpr FormatArg(PhysAddr v) : FormatArg(v.value) {}
  constexpr FormatArg(VirtAddr v) : FormatArg(v.value) {}
};

/// Formats into `sink`; a placeholder without argument prints "{?}", surplus arguments are ignored.
void vformat(Sink& sink, std::string_view fmt, std::span<const FormatArg> args);

template <typename... Args> void format_to(Sink& sink, std::string_view fmt, const Args&... args) {
  if constexpr (sizeof...(Args) == 0) {
    vformat(sink, fmt, {});
  } else {
    const FormatArg list[] = {FormatArg(args)...};
    vformat(sink, fmt, list);
  }
}

} // namespace runnel
