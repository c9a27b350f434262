// SPDX-License-Identifier: Apache-2.0
// System calls as text: what each kind of argument looks like, from memory that ends somewhere.
#include "kernel/user/strace/format.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>

using namespace runnel;
using namespace runnel::user;

namespace {

/// 256 bytes at address 0x1000.
class Memory final : public CallMemory {
 public:
  static constexpr u64 kBase = 0x1000;
  usize read(void* to, u64 from, usize size) override {
    if (from < kBase || from >= kBase + bytes.size()) return 0;
    const usize n = std::min<usize>(size, kBase + bytes.size() - from);
    std::memcpy(to, bytes.data() + (from - kBase), n);
    return n;
  }
  template <typename T> void put(u64 at, const T& value) {
    std::memcpy(&bytes[at - kBase], &value, sizeof value);
  }
  void put(u64 at, const std::string& text) { std::copy(text.begin(), text.end(), &bytes[at - kBase]); }

  std::array<char, 256> bytes{};
};

std::string shown(Memory& memory, std::string_view name, std::array<u64, 6> arguments, i64 result) {
  TracedCall call{name, syscall_arguments(name), {}};
  std::copy(arguments.begin(), arguments.end(), call.arguments);
  char text[1024];
  BufferSink sink(text);
  const u32 first = format_entry(sink, call, memory);
  format_exit(sink, call, first, result, memory);
  return std::string(sink.view());
}

} // namespace

TEST_CASE("strace: calls look as strace prints them", "[strace]") {
  Memory memory;
  memory.put(0x1000, std::string("/etc/a file"));
  CHECK(shown(memory, "openat", {static_cast<u64>(-100), 0x1000, 02000100, 0644}, -2) ==
        "openat(AT_FDCWD, \"/etc/a file\", O_RDONLY|O_CREAT|O_CLOEXEC, 0644) = -1 ENOENT (No such file or "
        "directory)");
  CHECK(shown(memory, "close", {3}, 0) == "close(3) = 0");
  CHECK(shown(memory, "close", {0xffff'ffff}, -9) == "close(-1) = -1 EBADF (Bad file descriptor)");
  CHECK(shown(memory, "getpid", {1, 2, 3}, 77) == "getpid() = 77");
  CHECK(shown(memory, "mmap", {0, 8192, 3, 0x22, 0xffff'ffff'ffff'ffff, 0}, 0x7f00'0000) ==
        "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f000000");
  CHECK(shown(memory, "mprotect", {0x4000, 4096, 0}, 0) == "mprotect(0x4000, 4096, PROT_NONE) = 0");
  CHECK(shown(memory, "kill", {5, 15}, 0) == "kill(5, SIGTERM) = 0");
  CHECK(shown(memory, "kill", {5, 35}, 0) == "kill(5, SIGRT_3) = 0");
  CHECK(shown(memory, "futex", {0x1000, 0x89, 1, 0, 0, 7}, -110) ==
        "futex(0x1000, FUTEX_WAIT_BITSET_PRIVATE, 1, NULL, NULL, 7) = -1 ETIMEDOUT (Connection timed out)");
  CHECK(shown(memory, "pause", {}, -514) == "pause() = ? ERESTARTNOHAND (To be restarted if no handler)");
  CHECK(shown(memory, "close", {3}, -3000) == "close(3) = -3000");
}

TEST_CASE("strace: bytes are escaped and cut, filled buffers shown as far as they were filled", "[strace]") {
  Memory memory;
  memory.put(0x1000, std::string("a\n\"\\\x01"
                                 "2\x7f\tz"));
  CHECK(shown(memory, "write", {1, 0x1000, 9}, 9) == R"(write(1, "a\n\"\\\0012\177\tz", 9) = 9)");
  memory.put(0x1040, std::string(40, 'x'));
  CHECK(shown(memory, "read", {0, 0x1040, 100}, 40) ==
        "read(0, \"" + std::string(32, 'x') + "\"..., 100) = 40");
  CHECK(shown(memory, "read", {0, 0x1040, 100}, 2) == "read(0, \"xx\", 100) = 2");
  CHECK(shown(memory, "read", {0, 0x1040, 100}, 0) == "read(0, \"\", 100) = 0");
  CHECK(shown(memory, "read", {0, 0x1040, 100}, -4) ==
        "read(0, 0x1040, 100) = -1 EINTR (Interrupted system call)");
}

TEST_CASE("strace: addresses that cannot be read are shown as such", "[strace]") {
  Memory memory;
  CHECK(shown(memory, "chdir", {0}, -14) == "chdir(NULL) = -1 EFAULT (Bad address)");
  CHECK(shown(memory, "chdir", {0xffff'8000'0000'0000}, -14) ==
        "chdir(0xffff800000000000) = -1 EFAULT (Bad address)");
  CHECK(shown(memory, "chdir", {0x1001}, -2) == "chdir(\"\") = -1 ENOENT (No such file or directory)");
  memory.put(0x10fd, std::string("end")); // and no NUL
  CHECK(shown(memory, "chdir", {0x10fd}, -14) == "chdir(\"end\"...) = -1 EFAULT (Bad address)");
  CHECK(shown(memory, "nanosleep", {0x10f8, 0}, -14) == "nanosleep(0x10f8, NULL) = -1 EFAULT (Bad address)");
}

TEST_CASE("strace: times and lists of strings are read", "[strace]") {
  Memory memory;
  memory.put(0x1000, std::array<i64, 2>{3, 500});
  CHECK(shown(memory, "nanosleep", {0x1000, 0x1000}, 0) ==
        "nanosleep({tv_sec=3, tv_nsec=500}, {tv_sec=3, tv_nsec=500}) = 0");
  CHECK(shown(memory, "clock_gettime", {7, 0x1000}, 0) ==
        "clock_gettime(CLOCK_BOOTTIME, {tv_sec=3, tv_nsec=500}) = 0");
  memory.put(0x1040, std::array<u64, 3>{0x1080, 0x1084, 0});
  memory.put(0x1080, std::string("sh"));
  memory.put(0x1084, std::string("-c"));
  CHECK(shown(memory, "execve", {0x1080, 0x1040, 0}, -13) ==
        "execve(\"sh\", [\"sh\", \"-c\"], NULL) = -1 EACCES (Permission denied)");
}
