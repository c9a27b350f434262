// SPDX-License-Identifier: Apache-2.0
// runnel exec: programs with their arguments, output and exit status; inputs that are no programs.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>
#include <elf.h>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

std::string user_program(const std::string& arch, const std::string& name) {
  return RUNNEL_BUILD_DIR "/user/" + arch + "/" + name;
}

/// An emulator that cannot be started shows that none was needed.
const Environment kNoEmulator = {{"RUNNEL_QEMU_X86_64", "/nowhere/qemu"},
                                 {"RUNNEL_QEMU_AARCH64", "/nowhere/qemu"}};

/// A script in QEMU's place.
ToolRun with_guest(const std::string& body, Words more = {}) {
  const qemu::TempFolder folder;
  const auto fake = script(folder, "qemu", "#!/bin/sh\n" + body + "\n");
  Words words = {"exec", "--arch", "aarch64"};
  words.insert(words.end(), more.begin(), more.end());
  words.push_back(user_program("aarch64", "hello"));
  return tool(words, 100, {{"RUNNEL_QEMU_AARCH64", fake.string()}});
}

constexpr const char* kBoot = "printf 'firmware\\nrunnel: boot aarch64 image cpus=4\\n'\n";

} // namespace

TEST_CASE("e2e: exec names what is no program, and what would be one", "[e2e][exec]") {
  const qemu::TempFolder folder;
  const std::string hello = user_program("aarch64", "hello");
  const auto file = [&](const char* name, const std::string& content) {
    qemu::write_file(folder.path() / name, content);
    return (folder.path() / name).string();
  };
  std::string wrong_class = qemu::read_file(hello);
  wrong_class[EI_CLASS] = ELFCLASS32;
  struct Mistake {
    Words words;
    ExitStatus status;
    const char* says;
  };
  const Mistake mistakes[] = {
      {{"exec"}, ExitStatus::kUsage, "no PROGRAM given"},
      {{"exec", "--frob", hello}, ExitStatus::kUsage, "unknown option '--frob'"},
      {{"exec", "/nowhere/program"}, ExitStatus::kUsage, "/nowhere/program: there is no such file"},
      {{"exec", folder.path().string()}, ExitStatus::kUsage, "not a regular file"},
      {{"exec", file("empty", "")}, ExitStatus::kUsage, "not an ELF file"},
      {{"exec", file("text", "hello\n")}, ExitStatus::kUsage, "not an ELF file"},
      {{"exec", file("script", "#!/bin/sh\n")}, ExitStatus::kUsage, "a script, not an ELF file"},
      {{"exec", file("magic", ELFMAG)}, ExitStatus::kUsage, "damaged ELF file: it ends at byte 4"},
      {{"exec", "--arch", "aarch64", file("cut", qemu::read_file(hello).substr(0, 100))},
       ExitStatus::kUsage,
       "damaged ELF file: it ends at byte 100"},
      {{"exec", hello},
       ExitStatus::kUsage,
       "a program for aarch64, but the machine is x86_64 (--arch aarch64"},
      {{"exec", "--arch", "aarch64", user_program("x86_64", "hello")},
       ExitStatus::kUsage,
       "a program for x86_64, but the machine is aarch64 (--arch x86_64"},
      {{"exec", "--arch", "aarch64", file("class", wrong_class)}, ExitStatus::kUsage, "not 64-bit"},
      {{"exec", "--arch", "aarch64", file("two words", qemu::read_file(hello))},
       ExitStatus::kUsage,
       "no name with blanks"},
      {{"exec", "--arch", "aarch64", "--env", "PATH", hello}, ExitStatus::kUsage, "NAME=VALUE"},
      {{"exec", "--arch", "aarch64", "--file", "/nowhere/f:/f", hello}, ExitStatus::kUsage, "/nowhere/f"},
      {{"exec", "--arch", "aarch64", "--file", hello + ":f", hello}, ExitStatus::kUsage, "absolute path"},
      {{"exec", "--arch", "aarch64", "--file", hello + ":/bin/hello", hello},
       ExitStatus::kUsage,
       "is there already"},
      {{"exec", "--arch", "aarch64", "--sysroot", folder.path().string(),
        user_program("aarch64", "hello-dynamic")},
       ExitStatus::kMissing,
       "ld-linux-aarch64.so.1, which is not under"},
      {{"exec", "--arch", "aarch64", "--limit", "0", hello}, ExitStatus::kUsage, "--limit"},
      {{"exec", "--arch", "aarch64", hello}, ExitStatus::kMissing, "/nowhere/qemu"},
  };
  for (const Mistake& mistake : mistakes) {
    const ToolRun run = tool(mistake.words, 60, kNoEmulator);
    INFO(run.text);
    CHECK(run.status == code(mistake.status));
    CHECK(run.says(mistake.says));
  }
}

TEST_CASE("e2e: exec names a missing library and who needs it", "[e2e][exec]") {
  const qemu::TempFolder folder;
  const qemu::fs::path lib = folder.path() / "lib";
  qemu::fs::create_directories(lib);
  for (const char* name : {"ld-linux-aarch64.so.1", "libc.so.6", "libstdc++.so.6", "libm.so.6"})
    qemu::fs::copy_file(qemu::fs::path("/usr/aarch64-linux-gnu/lib") / name, lib / name);
  const ToolRun run = tool({"exec", "--arch", "aarch64", "--sysroot", folder.path().string(),
                            user_program("aarch64", "hello_cxx-dynamic")},
                           60, kNoEmulator);
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kMissing));
  CHECK(run.says("needs the library libgcc_s.so.1, which is not under " + folder.path().string()));
}

TEST_CASE("e2e: no truncation of a dynamic program gets the ELF reader into trouble", "[e2e][exec]") {
  const qemu::TempFolder folder;
  const std::string whole = qemu::read_file(user_program("aarch64", "hello-dynamic"));
  const std::string path = (folder.path() / "cut").string();
  for (const std::size_t size : {1ul, 16ul, 63ul, 64ul, 65ul, 120ul, 300ul, 600ul, 700ul, 1000ul, 2000ul}) {
    qemu::write_file(path, whole.substr(0, size));
    const ToolRun run = tool({"exec", "--arch", "aarch64", path}, 60, kNoEmulator);
    INFO(size << ": " << run.text);
    CHECK((run.status == code(ExitStatus::kUsage) || run.status == code(ExitStatus::kMissing)));
    CHECK_FALSE(run.says("internal error"));
  }
}

TEST_CASE("e2e: exec gives on what the program writes, byte by byte, and no more", "[e2e][exec][fake]") {
  const ToolRun run = with_guest(std::string(kBoot) + R"(
    printf 'one\nrunnel: alive 1\ntwo\037\nrunnel: alive 2\n three\trun\nrunnel, it said\n[ 1 ]\nfour'
    printf '\037\nrunnel: exec exited 7\nrunnel: end failed\n'; exit 17)");
  CHECK(run.text == "one\ntwo three\trun\nrunnel, it said\n[ 1 ]\nfour");
  CHECK(run.status == 7);
}

TEST_CASE("e2e: exec ends as the program did", "[e2e][exec][fake]") {
  const std::string boot = kBoot;
  const auto ends = [&](const char* how, const char* word, int qemu_status) {
    return with_guest(boot + "printf 'runnel: exec " + how + "\\nrunnel: end " + word + "\\n'; exit " +
                      std::to_string(qemu_status));
  };
  CHECK(ends("exited 0", "passed", 16).status == 0);
  CHECK(ends("exited 255", "failed", 17).status == 255);
  const ToolRun killed = ends("killed 11", "failed", 17);
  CHECK(killed.status == 128 + 11);
  CHECK(killed.says("/bin/hello was killed by signal 11 (Segmentation fault)"));
  // Lines that are damaged or missing are not an end.
  CHECK(ends("exited 256", "failed", 17).status == code(ExitStatus::kInternal));
  CHECK(ends("vanished", "passed", 16).status == code(ExitStatus::kInternal));
}

TEST_CASE("e2e: a kernel that cannot go on is not taken for the program", "[e2e][exec][fake]") {
  const std::string boot = kBoot;
  const ToolRun panic = with_guest(
      boot + "printf 'half\\037\\nrunnel: panic it broke\\nstack\\nrunnel: end panic\\n'; exit 18");
  INFO(panic.text);
  CHECK(panic.status == code(ExitStatus::kPanic));
  CHECK(panic.text.starts_with("half"));
  const ToolRun refused = with_guest(
      boot +
      "printf 'runnel: error exec: /bin/hello: it is no ELF program\\nrunnel: end boot-failed\\n'; exit 21");
  CHECK(refused.status == code(ExitStatus::kBootFailed));
  CHECK(refused.text == "runnel: exec: /bin/hello: it is no ELF program\n");
}

TEST_CASE("e2e: a program gets its arguments and environment, and gives its status", "[e2e][exec][user]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const std::string program = GENERATE(as<std::string>{}, "hello", "hello-pie", "hello-dynamic");
  const ToolRun run = tool({"exec", "--arch", arch, "--env", "EXIT=42", "--env", "TEXT=two words",
                            user_program(arch, program), "-v", "--smp", "a  b", ""});
  CHECK(run.text == "Hello from user mode\nargv[0] /bin/" + program +
                        "\nargv[1] -v\nargv[2] --smp\nargv[3] a  b\nargv[4] \n"
                        "env[0] EXIT=42\nenv[1] TEXT=two words\n");
  CHECK(run.status == 42);
}

TEST_CASE("e2e: a program through UEFI, on one CPU, deterministic", "[e2e][exec][user]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const ToolRun uefi = tool({"exec", "--arch", arch, "--boot", "uefi", user_program(arch, "hello")});
  CHECK(uefi.text == "Hello from user mode\nargv[0] /bin/hello\n");
  CHECK(uefi.status == 0);
  const ToolRun exact =
      tool({"exec", "--arch", arch, "--smp", "1", "--deterministic", user_program(arch, "hello")});
  CHECK(exact.text == uefi.text);
  CHECK(exact.status == 0);
}

TEST_CASE("e2e: a program reads what the tool is given", "[e2e][exec][user]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  // More than the guest's buffers hold, a byte that means something on the way, and a last line without end.
  std::string text = "first\n\\020E\n\n", expected = "no terminal\nline 'first'\nline '\020E'\nline ''\n";
  for (int i = 0; i < 300; ++i) {
    text += "line of many " + std::to_string(i) + "\n";
    expected += "line 'line of many " + std::to_string(i) + "'\n";
  }
  const std::string command = "printf '" + text +
                              "last' | exec " RUNNEL_BUILD_DIR "/qemu/runnel exec --arch " + arch + " " +
                              user_program(arch, "read_input");
  const ToolRun piped = program({"sh", "-c", command});
  CHECK(piped.text == expected + "rest 'last'\n");
  CHECK(piped.status == 0);
  const ToolRun empty = tool({"exec", "--arch", arch, user_program(arch, "read_input")});
  CHECK(empty.text == "no terminal\nrest ''\n");
  CHECK(empty.status == 0);
}

TEST_CASE("e2e: programs check what user mode is to them", "[e2e][exec][user]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  const std::string program = GENERATE(as<std::string>{}, "start_state", "bad_pointers", "new_code",
                                       "hello_cxx", "hello_cxx-dynamic");
  const ToolRun run = tool({"exec", "--arch", arch, user_program(arch, program)});
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK_FALSE(run.says("not ok"));
  CHECK(run.says("KTAP version 1\n1.."));
}

TEST_CASE("e2e: what the CPU forbids kills the program by its signal, not the kernel", "[e2e][exec][user]") {
  const std::string arch = GENERATE(as<std::string>{}, "x86_64", "aarch64");
  struct Crash {
    const char* how;
    int signal_x86, signal_arm;
  };
  for (const Crash& crash :
       {Crash{"segv", 11, 11}, Crash{"kernel", 11, 11}, Crash{"text", 11, 11}, Crash{"execute", 11, 11},
        Crash{"ill", 4, 4}, Crash{"system", 11, 4}, Crash{"trap", 5, 5}, Crash{"align", 0, 7}}) {
    const int signal = arch == "x86_64" ? crash.signal_x86 : crash.signal_arm;
    if (signal == 0) continue;
    const ToolRun run = tool({"exec", "--arch", arch, "--smp", "2", user_program(arch, "crash"), crash.how});
    INFO(crash.how << ": " << run.text);
    CHECK(run.status == 128 + signal);
    CHECK(run.text.starts_with(std::string("about to crash: ") + crash.how));
    CHECK(run.says("was killed by signal " + std::to_string(signal)));
  }
}
