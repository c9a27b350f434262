// SPDX-License-Identifier: Apache-2.0
// Kernels, initrds, command lines and scenarios that are damaged or missing: a clear message, the documented
// status, never a hang.
#include "qemu/elf_image.hpp"
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;
using qemu::Image;

namespace {

/// A copy of the kernel cut to `part` of what is loaded of it; on aarch64 the flat Image that QEMU loads
/// without looking.
qemu::fs::path truncated(const qemu::TempFolder& folder, std::string_view arch, double part) {
  const auto elf = image(arch, Image::kKernel);
  const auto from = qemu::bootable_of(*qemu::parse_arch(arch), elf);
  std::string bytes = qemu::read_file(from);
  const double loaded = from == elf ? static_cast<double>(qemu::ElfImage(elf).loaded_file_bytes())
                                    : static_cast<double>(bytes.size());
  bytes.resize(static_cast<std::size_t>(loaded * part));
  const auto to = folder.path() / ("cut" + from.extension().string());
  qemu::write_file(to, bytes);
  return to;
}

} // namespace

TEST_CASE("e2e: a truncated kernel is refused with a message, directly booted", "[e2e][damaged]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const double part = GENERATE(0.05, 0.5, 0.95);
  const qemu::TempFolder folder;
  const ToolRun run =
      tool({"run", "--arch", arch, "--silence", "20", "--kernel", truncated(folder, arch, part).string()});
  INFO(part << "\n" << run.text);
  CHECK(run.status == code(ExitStatus::kBootFailed));
  CHECK_FALSE(run.says("runnel: boot "));
}

TEST_CASE("e2e: a test image that is cut or missing is named", "[e2e][damaged]") {
  const qemu::TempFolder folder;
  const ToolRun cut = tool({"list", "--kernel", truncated(folder, "x86_64", 0.01).string()});
  INFO(cut.text);
  CHECK(cut.status == code(ExitStatus::kBootFailed));
  CHECK(cut.says("is damaged"));
  const ToolRun missing = tool({"test", "--target-only", "--kernel", "/nowhere/kernel.elf"});
  INFO(missing.text);
  CHECK(missing.status == code(ExitStatus::kBootFailed));
  CHECK(missing.says("kernel image /nowhere/kernel.elf: No such file or directory"));
}

TEST_CASE("e2e: a damaged or missing initrd is refused by the kernel", "[e2e][damaged]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const qemu::TempFolder folder;
  const auto garbage = folder.path() / "initrd";
  qemu::write_file(garbage, std::string(4096, 'x'));
  const ToolRun damaged = tool({"run", "--arch", arch, "--initrd", garbage.string()});
  INFO(damaged.text);
  CHECK(damaged.status == code(ExitStatus::kBootFailed));
  CHECK(damaged.says("error initrd:"));
  const ToolRun none = tool({"boot", "--arch", arch, "--cmdline", "run"});
  INFO(none.text);
  CHECK(none.status == code(ExitStatus::kBootFailed));
  CHECK(none.says("initrd: there is none"));
  const ToolRun missing = tool({"run", "--arch", arch, "--initrd", "/nowhere/initrd"});
  CHECK(missing.status == code(ExitStatus::kBootFailed));
  CHECK(missing.says("/nowhere/initrd"));
}

TEST_CASE("e2e: a bad kernel command line names the word and what is allowed", "[e2e][damaged]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun unknown = tool({"boot", "--arch", arch, "--append", "frobnicate"});
  INFO(unknown.text);
  CHECK(unknown.status == code(ExitStatus::kBootFailed));
  CHECK(unknown.says("unknown word 'frobnicate'"));
  CHECK(unknown.says("allowed: "));
  CHECK(unknown.says("runnel: end bad-command-line"));
  const ToolRun value = tool({"boot", "--arch", arch, "--append", "log=loud"});
  CHECK(value.status == code(ExitStatus::kBootFailed));
  CHECK(value.says("quiet, info, debug"));
}

TEST_CASE("e2e: the UEFI loader refuses a damaged kernel with a message", "[e2e][damaged][uefi]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const qemu::TempFolder folder;
  std::string bytes = qemu::read_file(image(arch, Image::kKernel));
  const auto file = folder.path() / "kernel.elf";
  qemu::write_file(file, bytes.substr(0, 60000));
  const ToolRun run = tool({"boot", "--arch", arch, "--boot", "uefi", "--kernel", file.string()});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kBootFailed));
  CHECK(run.says("runnel: error kernel:"));
}

TEST_CASE("e2e: a bad scenario is refused with line and path, nothing is booted", "[e2e][scenario]") {
  const qemu::TempFolder folder;
  const auto file = folder.path() / "bad.json";
  qemu::write_file(file,
                   "{\n  \"tasks\": {\n    \"hog\": { \"instance\": \"many\", \"run\": 1000 }\n  }\n}\n");
  const ToolRun run = tool({"run", file.string()});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kUsage));
  CHECK(run.says("bad.json:3:26: tasks.hog.instance"));
  const ToolRun missing = tool({"run", "/nowhere/scenario.json"});
  CHECK(missing.status == code(ExitStatus::kUsage));
  CHECK(missing.says("/nowhere/scenario.json"));
  qemu::write_file(file, "{ not json");
  CHECK(tool({"run", file.string()}).status == code(ExitStatus::kUsage));
}
