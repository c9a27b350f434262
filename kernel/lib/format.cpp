// SPDX-License-Identifier: Apache-2.0
#include "kernel/lib/format.hpp"

#include <algorithm>

namespace runnel {

void BufferSink::write(std::string_view text) {
  for (const char c : text) {
    if (used_ == buffer_.size()) {
      truncated_ = true;
      return;
    }
    buffer_[used_++] = c;
  }
}

namespace {

struct Spec {
  bool hex = false;
  bool prefix = false;
  bool zero_fill = false;
  u32 width = 0;
};

Spec parse_spec(std::string_view text) {
  Spec spec;
  usize i = 0;
  if (i < text.size() && text[i] == '#') spec.prefix = true, ++i;
  if (i < text.size() && text[i] == '0') spec.zero_fill = true, ++i;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    spec.width = std::min(spec.width * 10 + static_cast<u32>(text[i] - '0'), kMaxFormatWidth);
  if (i < text.size() && text[i] == 'x') spec.hex = true;
  return spec;
}

void pad(Sink& sink, char fill, usize used, u32 width) {
  for (; used < width; ++used) sink.write({&fill, 1});
}

void put_number(Sink& sink, u64 magnitude, std::string_view sign, const Spec& spec) {
  char digits[24];
  usize n = sizeof digits;
  const u64 base = spec.hex ? 16 : 10;
  do {
    digits[--n] = "0123456789abcdef"[magnitude % base];
    magnitude /= base;
  } while (magnitude != 0);
  const std::string_view body{digits + n, sizeof digits - n};
  const std::string_view prefix = spec.prefix ? "0x" : "";
  const usize used = sign.size() + prefix.size() + body.size();
  if (!spec.zero_fill) pad(sink, ' ', used, spec.width);
  sink.write(sign);
  sink.write(prefix);
  if (spec.zero_fill) pad(sink, '0', used, spec.width);
  sink.write(body);
}

void put_text(Sink& sink, std::string_view text, const Spec& spec) {
  sink.write(text);
  pad(sink, ' ', text.size(), spec.width);
}

void put(Sink& sink, const FormatArg& arg, Spec spec) {
  switch (arg.kind) {
  case FormatArg::Kind::kSigned: {
    if (spec.hex) return put_number(sink, static_cast<u64>(arg.s), "", spec);
    const u64 magnitude = arg.s < 0 ? ~static_cast<u64>(arg.s) + 1 : static_cast<u64>(arg.s);
    return put_number(sink, magnitude, arg.s < 0 ? "-" : "", spec);
  }
  case FormatArg::Kind::kUnsigned:
    return put_number(sink, arg.u, "", spec);
  case FormatArg::Kind::kPointer:
    spec.hex = spec.prefix = true;
    return put_number(sink, arg.u, "", spec);
  case FormatArg::Kind::kBool:
    return put_text(sink, arg.u != 0 ? "true" : "false", spec);
  case FormatArg::Kind::kChar: {
    const char c = static_cast<char>(arg.u);
    return put_text(sink, {&c, 1}, spec);
  }
  case FormatArg::Kind::kText:
    return put_text(sink, {arg.text.data, arg.text.size}, spec);
  }
}

} // namespace

void vformat(Sink& sink, std::string_view fmt, std::span<const FormatArg> args) {
  usize next = 0;
  while (!fmt.empty()) {
    const usize brace = fmt.find_first_of("{}");
    if (brace == std::string_view::npos) return sink.write(fmt);
    sink.write(fmt.substr(0, brace));
    fmt.remove_prefix(brace);
    if (fmt.size() > 1 && fmt[1] == fmt[0]) {
      sink.write(fmt.substr(0, 1));
      fmt.remove_prefix(2);
      continue;
    }
    const usize close = fmt.find('}');
    if (close == std::string_view::npos) return sink.write(fmt);
    std::string_view spec = fmt.substr(0, close);
    fmt.remove_prefix(close + 1);
    if (!spec.empty()) spec.remove_prefix(1);
    if (!spec.empty() && spec[0] == ':') spec.remove_prefix(1);
    if (next < args.size())
      put(sink, args[next++], parse_spec(spec));
    else
      sink.write("{?}");
  }
}

} // namespace runnel
