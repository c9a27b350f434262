// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/exec_arguments.hpp"

#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/exec_stack.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>

namespace runnel::user {

namespace {
constexpr usize kMostBytes = 6 * 1024 * 1024; // build_stack allows no more
constexpr usize kMaxPath = 4096;
} // namespace

struct ExecArguments::Chunk {
  static constexpr usize kSize = 16 * 1024;
  Chunk* next = nullptr;
  usize used = 0, size = 0;
  char* text() { return reinterpret_cast<char*>(this + 1); }
};

ExecArguments::~ExecArguments() {
  while (chunks_ != nullptr) {
    Chunk* next = chunks_->next;
    kfree(chunks_);
    chunks_ = next;
  }
  kfree(strings_);
}

/// Into what is left of the newest chunk, or into one that takes the longest string there may be.
Result<std::string_view> ExecArguments::read_string(u64 from) {
  if (chunks_ != nullptr) {
    const std::span<char> room(chunks_->text() + chunks_->used, chunks_->size - chunks_->used);
    if (const auto length = read_user_string(room, from)) {
      chunks_->used += *length + 1;
      return std::string_view(room.data(), *length);
    } else if (length.error() != Errno::kRANGE) {
      return err(length.error());
    }
  }
  for (const usize size : {Chunk::kSize, static_cast<usize>(kMaxArgument)}) {
    void* memory = kmalloc(sizeof(Chunk) + size);
    if (memory == nullptr) return err(Errno::kNOMEM);
    chunks_ = new (memory) Chunk{.next = chunks_, .size = size};
    const auto length = read_user_string({chunks_->text(), size}, from);
    if (!length && length.error() == Errno::kRANGE) continue;
    if (!length) return err(length.error());
    chunks_->used = *length + 1;
    return std::string_view(chunks_->text(), *length);
  }
  return err(Errno::kE2BIG);
}

Result<> ExecArguments::add(std::string_view text) {
  if (count_ == room_) {
    const usize room = std::max<usize>(16, room_ * 2);
    auto* bigger = static_cast<std::string_view*>(kmalloc(room * sizeof(std::string_view)));
    if (bigger == nullptr) return err(Errno::kNOMEM);
    std::copy_n(strings_, count_, bigger);
    kfree(strings_);
    strings_ = bigger;
    room_ = room;
  }
  strings_[count_++] = text;
  bytes_ += text.size() + 1 + sizeof(u64);
  return bytes_ > kMostBytes ? err(Errno::kE2BIG) : Result<>();
}

Result<> ExecArguments::read_strings(u64 list) {
  for (; list != 0; list += sizeof(u64)) {
    const auto address = load_user<u64>(list);
    if (!address) return err(address.error());
    if (*address == 0) break;
    const auto text = read_string(*address);
    if (!text) return err(text.error());
    RUNNEL_TRY(add(*text));
  }
  return {};
}

Result<> ExecArguments::read(u64 path, u64 argv, u64 envp) {
  const auto text = read_string(path);
  if (!text) return err(text.error() == Errno::kE2BIG ? Errno::kNAMETOOLONG : text.error());
  if (text->size() >= kMaxPath) return err(Errno::kNAMETOOLONG);
  path_ = *text;
  RUNNEL_TRY(read_strings(argv));
  argc_ = count_;
  return read_strings(envp);
}

} // namespace runnel::user
