// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/exec_stack.hpp"

#include "kernel/user/mm/mm.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

std::span<const std::byte> bytes_of(const void* data, usize size) {
  return {static_cast<const std::byte*>(data), size};
}

/// Words to ascending addresses of another address space, a block at a time.
class WordWriter {
 public:
  WordWriter(Mm& mm, u64 at) : mm_(mm), at_(at) {}
  void put(u64 word) {
    if (count_ == kBlock) flush();
    words_[count_++] = word;
  }
  void flush() {
    if (result_) result_ = mm_.copy_in(at_, bytes_of(words_, count_ * sizeof(u64)));
    at_ += count_ * sizeof(u64);
    count_ = 0;
  }
  Result<> result() const { return result_; }

 private:
  static constexpr usize kBlock = 64;
  Mm& mm_;
  u64 at_;
  u64 words_[kBlock];
  usize count_ = 0;
  Result<> result_;
};

/// Strings, downwards.
class StringWriter {
 public:
  StringWriter(Mm& mm, u64 top) : mm_(mm), at_(top) {}
  u64 at() const { return at_; }
  void align(u64 to) { at_ = align_down(at_, to); }
  Result<u64> put_bytes(const void* data, usize size) {
    at_ -= size;
    RUNNEL_TRY(mm_.copy_in(at_, bytes_of(data, size)));
    return at_;
  }
  Result<u64> put(std::string_view text) {
    const char nul = '\0';
    RUNNEL_TRY(put_bytes(&nul, 1));
    return put_bytes(text.data(), text.size());
  }
  /// The first ends lowest.
  Result<> put_all(std::span<const std::string_view> texts) {
    for (usize i = texts.size(); i > 0; --i) RUNNEL_TRY(put(texts[i - 1]));
    return {};
  }

 private:
  Mm& mm_;
  u64 at_;
};

/// Bytes of all strings and their pointers; kE2BIG.
Result<u64> size_of(std::span<const std::string_view> texts, u64 limit) {
  u64 size = 0;
  for (const std::string_view text : texts) {
    if (text.size() >= kMaxArgument) return err(Errno::kE2BIG);
    size += text.size() + 1 + sizeof(u64);
    if (size > limit) return err(Errno::kE2BIG);
  }
  return size;
}

Result<> check_size(const StackContents& c) {
  // Linux: a quarter of the stack's limit, not less than 128 KiB, not more than 6 MiB.
  constexpr u64 kLeast = 128 * 1024, kMost = 6 * 1024 * 1024;
  const u64 limit = std::clamp(c.limit / 4, kLeast, kMost);
  const auto arguments = size_of(c.argv, limit);
  if (!arguments) return err(arguments.error());
  const auto environment = size_of(c.envp, limit);
  if (!environment) return err(environment.error());
  if (*arguments + *environment + c.path.size() > limit) return err(Errno::kE2BIG);
  return {};
}

void put_pointers(WordWriter& out, std::span<const std::string_view> texts, u64 first) {
  for (const std::string_view text : texts) {
    out.put(first);
    first += text.size() + 1;
  }
  out.put(0);
}

} // namespace

Result<u64> build_stack(Mm& mm, u64 top, const StackContents& c) {
  RUNNEL_TRY(check_size(c));
  StringWriter strings(mm, top - sizeof(u64)); // eight zero bytes at the top: fresh memory is
  const auto path = strings.put(c.path);
  if (!path) return err(path.error());
  mm.addresses.env_end = strings.at();
  RUNNEL_TRY(strings.put_all(c.envp));
  const u64 environment = mm.addresses.env_start = mm.addresses.arg_end = strings.at();
  RUNNEL_TRY(strings.put_all(c.argv));
  const u64 arguments = mm.addresses.arg_start = strings.at();
  const auto platform = strings.put(c.platform);
  if (!platform) return err(platform.error());
  strings.align(16);
  const auto random = strings.put_bytes(c.random, sizeof c.random);
  if (!random) return err(random.error());

  constexpr usize kOwnAux = 4;
  const u64 words = 1 + c.argv.size() + 1 + c.envp.size() + 1 + 2 * (c.aux.size() + kOwnAux);
  const u64 stack = align_down(strings.at() - words * sizeof(u64), 16);
  WordWriter out(mm, stack);
  out.put(c.argv.size());
  put_pointers(out, c.argv, arguments);
  put_pointers(out, c.envp, environment);
  const AuxEntry own[kOwnAux] = {
      {kAuxRandom, *random}, {kAuxExecFn, *path}, {kAuxPlatform, *platform}, {kAuxNull, 0}};
  for (const auto& list : {c.aux, std::span<const AuxEntry>(own)})
    for (const AuxEntry& entry : list) {
      out.put(entry.type);
      out.put(entry.value);
    }
  out.flush();
  RUNNEL_TRY(out.result());
  return stack;
}

} // namespace runnel::user
