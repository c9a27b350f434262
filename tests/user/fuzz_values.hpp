// SPDX-License-Identifier: Apache-2.0
// What the system call fuzzer takes its arguments from: one sequence of random numbers, and memory in which
// pages to write, to read, closed and unmapped ones lie side by side.
#pragma once

#include "kernel/user/syscall_arguments.hpp"

#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fuzz {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using runnel::user::Argument;

/// splitmix64.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  u64 below(u64 n) { return next() % n; }
  bool one_in(u64 n) { return below(n) == 0; }
  template <typename T, std::size_t N> T any_of(const T (&list)[N]) { return list[below(N)]; }

 private:
  u64 state_;
};

inline constexpr u64 kPage = 4096;
#ifdef __aarch64__
inline constexpr u64 kUserEnd = 0x1'0000'0000'0000;
#else
inline constexpr u64 kUserEnd = 0x7fff'ffff'f000;
#endif

/// Addresses no program has: the kernel's, of either machine, such as are no address, and the ends of both.
inline constexpr u64 kForeignAddresses[] = {0,
                                            1,
                                            8,
                                            kPage - 1,
                                            kPage,
                                            kUserEnd,
                                            kUserEnd - 1,
                                            kUserEnd - 8,
                                            kUserEnd - kPage,
                                            kUserEnd + kPage,
                                            0x8000'0000'0000,
                                            0x8000'0000'0000'0000,
                                            0x7fff'ffff'ffff'fff8,
                                            0xffff'8000'0000'0000,
                                            0xffff'0000'0000'0000,
                                            0xffff'8000'4020'0000,
                                            0xffff'8880'0000'0000,
                                            0xffff'ffff'8000'0000,
                                            0xffff'ffff'8010'0000,
                                            0xffff'ffff'ffff'f000,
                                            0xffff'ffff'ffff'fff8,
                                            0xffff'ffff'ffff'ffff};

inline constexpr u64 kNumbers[] = {0,
                                   1,
                                   2,
                                   3,
                                   4,
                                   7,
                                   8,
                                   16,
                                   24,
                                   48,
                                   63,
                                   64,
                                   65,
                                   127,
                                   128,
                                   255,
                                   256,
                                   511,
                                   1000,
                                   1024,
                                   4095,
                                   4096,
                                   4097,
                                   65535,
                                   65536,
                                   0x10'0000,
                                   0x7fff'ffff,
                                   0x8000'0000,
                                   0xffff'ffff,
                                   0x1'0000'0000,
                                   0x7fff'ffff'ffff'ffff,
                                   0x8000'0000'0000'0000,
                                   0xffff'ffff'ffff'ffff,
                                   0xffff'ffff'ffff'fffe,
                                   0xffff'ffff'ffff'f000};

/// The pages: data, data, read-only, data, closed, shared data, hole, data, hole.
class Arena {
 public:
  Arena() {
    base_ = static_cast<char*>(
        mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    at(2 * kPage)[0] = 'r'; // present, then read-only
    mprotect(at(2 * kPage), kPage, PROT_READ);
    mprotect(at(4 * kPage), kPage, PROT_NONE);
    mmap(at(5 * kPage), kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    munmap(at(6 * kPage), kPage);
    munmap(at(8 * kPage), kPage);
  }
  char* at(u64 offset) const { return base_ + offset; }
  static constexpr u64 kPages = 9;
  static constexpr u64 kDataPages[] = {0, 1, 3, 5, 7};
  static constexpr u64 kEnds[] = {2, 4, 6, 8}; // pages that begin what ends before them

 private:
  char* base_;
};

class Values {
 public:
  Values(u64 seed, const Arena& arena) : random(seed), arena_(arena) {}

  Random random;

  u64 number() {
    switch (random.below(8)) {
    case 0:
      return random.next();
    case 1:
      return u64{1} << random.below(64);
    case 2:
    case 3:
      return random.any_of(kNumbers);
    default:
      return random.below(17);
    }
  }

  u64 fd() {
    switch (random.below(12)) {
    case 0:
      return static_cast<u64>(AT_FDCWD);
    case 1:
      return number();
    default:
      return random.below(24);
    }
  }

  /// Own number or 0, or one nobody has: whom else should it hit?
  u64 pid() {
    switch (random.below(4)) {
    case 0:
      return 0;
    case 1:
      return 4'000'000 + random.below(100);
    default:
      return static_cast<u64>(getpid());
    }
  }

  u64 foreign_address() {
    const u64 address = random.any_of(kForeignAddresses);
    return random.one_in(4) ? address + random.below(64) - 32 : address;
  }

  /// Inside of the arena, at times so that a structure there lies half outside.
  u64 address() {
    switch (random.below(12)) {
    case 0:
      return foreign_address();
    case 1:
      return random.next();
    case 2:
    case 3:
      return reinterpret_cast<u64>(arena_.at(random.any_of(Arena::kEnds) * kPage)) - random.below(80);
    case 4:
      return reinterpret_cast<u64>(arena_.at(random.below(Arena::kPages * kPage)));
    default:
      return reinterpret_cast<u64>(data());
    }
  }

  /// Memory with something in it that a call may take for its structure.
  char* data() {
    char* const to = arena_.at(random.any_of(Arena::kDataPages) * kPage + random.below(440) * 8);
    switch (random.below(8)) {
    case 0: // times, timespecs: short ones
      put(to, 0, 0);
      put(to, 1, random.below(3'000'000));
      put(to, 2, random.one_in(4) ? number() : 0);
      put(to, 3, random.below(3'000'000));
      break;
    case 1: // iovec
      for (u32 i = 0; i < 8; i += 2) {
        put(to, i, random.one_in(6) ? foreign_address() : somewhere());
        put(to, i + 1, random.one_in(6) ? number() : random.below(300));
      }
      break;
    case 2: // structures that begin with their size: sched_attr
      put(to, 0, random.any_of({u64{48}, u64{56}, u64{64}, u64{0}, u64{4096}}) | random.below(8) << 32);
      for (u32 i = 1; i < 8; ++i) put(to, i, random.one_in(3) ? number() : random.below(100'000'000));
      break;
    case 3: // pollfd, epoll_event
      for (u32 i = 0; i < 8; ++i) put(to, i, fd() | random.below(64) << 32);
      break;
    case 4: // pointers
      for (u32 i = 0; i < 8; ++i) put(to, i, random.one_in(4) ? number() : somewhere());
      break;
    case 5: // what was there
      break;
    default:
      for (u32 i = 0; i < 12; ++i) put(to, i, number());
    }
    return to;
  }

  u64 text() {
    static const char* const kTexts[] = {"a", "b",      "d", "d/a",  "d/b",   "d/e/f",
                                         ".", "..",     "",  "/",    "//a/.", "/d",
                                         "l", "d/../a", "k", "self", "me",    "self/fd"};
    if (random.one_in(6)) return address();
    const char* const text = random.any_of(kTexts);
    const u64 size = std::strlen(text) + 1;
    char* const to = random.one_in(3) ? arena_.at(random.any_of(Arena::kEnds) * kPage) - size : data();
    if (is_data(to)) std::memcpy(to, text, size);
    return reinterpret_cast<u64>(to);
  }

  u64 of_kind(Argument kind) {
    switch (kind) {
    case Argument::kFolder:
      if (random.one_in(2)) return static_cast<u64>(AT_FDCWD);
      [[fallthrough]];
    case Argument::kFd:
      return fd();
    case Argument::kString:
      return text();
    case Argument::kFilled:
    case Argument::kWritten:
    case Argument::kRanges:
    case Argument::kPointer:
    case Argument::kTime:
    case Argument::kTimeFilled:
    case Argument::kStrings:
      return random.one_in(10) ? 0 : address();
    case Argument::kSignal:
      return random.below(70);
    case Argument::kPid:
      return pid();
    case Argument::kClock:
      return random.one_in(6) ? number() : random.below(14);
    case Argument::kProtection:
      return random.below(8);
    case Argument::kMapFlags: // without MAP_FIXED: the arena stays
      return random.any_of({0x22u, 0x21u, 0x01u, 0x02u, 0x8022u, 0x122u});
    case Argument::kMode:
      return random.one_in(4) ? number() : random.below(01000);
    case Argument::kFutex:
      return random.below(14) | random.below(4) << 7;
    case Argument::kOpenFlags:
      if (random.one_in(2)) return random.any_of({0u, 02u, 0101u, 0102u, 01102u, 02102u, 04000u});
      [[fallthrough]];
    case Argument::kFlags:
      if (random.one_in(2)) return random.below(3);
      return random.one_in(4) ? number() : u64{1} << random.below(32) | u64{1} << random.below(32);
    case Argument::kUnsigned:
    case Argument::kSigned:
      break;
    }
    return number();
  }

 private:
  u64 somewhere() {
    return reinterpret_cast<u64>(arena_.at(random.any_of(Arena::kDataPages) * kPage + random.below(400) * 8));
  }
  bool is_data(const char* to) const {
    const u64 page = static_cast<u64>(to - arena_.at(0)) / kPage;
    for (const u64 data : Arena::kDataPages)
      if (page == data) return true;
    return false;
  }
  static void put(char* to, u32 word, u64 value) { std::memcpy(to + word * 8, &value, 8); }

  const Arena& arena_;
};

} // namespace fuzz
