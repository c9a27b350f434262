// SPDX-License-Identifier: Apache-2.0
// A program's output, taken out of the kernel's serial stream: whatever the pieces it comes in.
#include "boot/boot_info.hpp"
#include "qemu/exec/output.hpp"

#include <catch2/catch.hpp>
#include <string>

using runnel::qemu::ProgramOutput;

namespace {

struct Taken {
  std::string program, log;
};

enum class Log { kHidden, kShown };

Taken take(const std::string& serial, std::size_t piece, Log log) {
  Taken taken;
  ProgramOutput::Take kernel;
  if (log == Log::kShown) kernel = [&](std::string_view line) { taken.log += std::string(line) + "\n"; };
  ProgramOutput output([&](std::string_view bytes) { taken.program += bytes; }, kernel);
  for (std::size_t at = 0; at < serial.size(); at += piece)
    output.feed(std::string_view(serial).substr(at, piece));
  output.finish();
  return taken;
}

const std::string kCut = {runnel::boot::kLineCut, '\n'};
const std::string kBoot = "\x1b[2J firmware\r\nrunnel: not yet\n\x1b[mrunnel: boot aarch64 image cpus=4\n";

} // namespace

TEST_CASE("exec output: the program's bytes are the same whatever pieces they come in") {
  const std::string serial = kBoot + "one\nrunnel: alive 1\n\ntwo" + kCut +
                             "runnel: alive 2\nand\ta half\r\n" +
                             "runnel is a name\nrunnel: nothing known\n" + kCut.substr(0, 1) + "odd\n" +
                             "last" + kCut + "runnel: exec exited 0\nrunnel: end passed\n";
  const std::string expected =
      "one\n\ntwoand\ta half\r\nrunnel is a name\nrunnel: nothing known\n" + kCut.substr(0, 1) + "odd\nlast";
  for (std::size_t piece = 1; piece <= serial.size(); ++piece)
    REQUIRE(take(serial, piece, Log::kHidden).program == expected);
}

TEST_CASE("exec output: what the program has begun is not held back without need") {
  std::string seen;
  ProgramOutput output([&](std::string_view bytes) { seen += bytes; });
  output.feed(kBoot + "name? ");
  CHECK(seen == "name? ");
  output.feed("\nrun");
  CHECK(seen == "name? \n"); // it may become a line of the kernel's
  output.feed("away");
  CHECK(seen == "name? \nrunaway");
}

TEST_CASE("exec output: the kernel's log is told apart when it is asked for") {
  const std::string serial =
      kBoot + "[    1.000001] a line\nmine\n[ 1 ] mine too\nhalf" + kCut + "[   12.345678] another\n way\n";
  const Taken taken = take(serial, 3, Log::kShown);
  CHECK(taken.program == "mine\n[ 1 ] mine too\nhalf way\n");
  CHECK(taken.log == "[    1.000001] a line\n[   12.345678] another\n");
}

TEST_CASE("exec output: nothing before the boot line and nothing after the kernel's last words") {
  for (const char* last : {"panic why", "hang cpu 1", "error exec: no", "end passed"}) {
    const std::string serial =
        "before\n" + kBoot + "in\nrunnel: " + last + "\nregisters\nrunnel: end panic\n";
    CHECK(take(serial, 5, Log::kHidden).program == "in\n");
  }
  CHECK(take("only firmware\n", 4, Log::kHidden).program.empty());
}
