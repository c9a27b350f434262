// SPDX-License-Identifier: Apache-2.0
// Machines of a shape: what is asked for by --topology arrives in the kernel's scheduling domains (T05).
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

/// What the kernel says it made of a shape, line by line.
struct Expectation {
  const char* arch;
  const char* shape;
  std::vector<const char*> domains;
};

const Expectation kExpectations[] = {
    {"x86_64", "1x4", {"MC 0-3: 0 1 2 3"}},
    {"aarch64", "1x4", {"MC 0-3: 0 1 2 3"}},
    {"x86_64",
     "2x2x2",
     {"SMT 0-1: 0 1", "SMT 2-3: 2 3", "SMT 4-5: 4 5", "SMT 6-7: 6 7", "MC 0-3: 0-1 2-3", "MC 4-7: 4-5 6-7",
      "NODE 0-7: 0-3 4-7"}},
    {"aarch64",
     "2x2x2",
     {"SMT 0-1: 0 1", "SMT 2-3: 2 3", "SMT 4-5: 4 5", "SMT 6-7: 6 7", "MC 0-3: 0-1 2-3", "MC 4-7: 4-5 6-7",
      "NODE 0-7: 0-3 4-7"}},
    {"x86_64", "1x8/4", {"MC 0-3: 0 1 2 3", "MC 4-7: 4 5 6 7", "PKG 0-7: 0-3 4-7"}},
    {"aarch64", "1x8/4", {"CLS 0-3: 0 1 2 3", "CLS 4-7: 4 5 6 7", "MC 0-7: 0-3 4-7"}},
    {"x86_64",
     "n2:2x2x2",
     {"SMT 0-1: 0 1", "SMT 2-3: 2 3", "SMT 4-5: 4 5", "SMT 6-7: 6 7", "MC 0-3: 0-1 2-3", "MC 4-7: 4-5 6-7",
      "NUMA 0-7: 0-3 4-7 (imbalance allowed 1)", "NUMA 0-7: 4-7 0-3 (imbalance allowed 1)"}},
    {"aarch64",
     "n2:4x2",
     {"MC 0-1: 0 1", "MC 2-3: 2 3", "MC 4-5: 4 5", "MC 6-7: 6 7", "NODE 0-3: 0-1 2-3", "NODE 4-7: 4-5 6-7",
      "NUMA 0-7: 0-3 4-7 (imbalance allowed 2)", "NUMA 0-7: 4-7 0-3 (imbalance allowed 2)"}},
};

std::vector<std::string> domains_in(const std::string& text) {
  constexpr std::string_view kMark = "sched: domain ";
  std::vector<std::string> lines;
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string::npos;) {
    at += kMark.size();
    std::string line = text.substr(at, text.find_first_of("\r\n", at) - at);
    lines.push_back(std::move(line));
  }
  return lines;
}

} // namespace

TEST_CASE("e2e: --topology arrives in the scheduling domains", "[e2e][topology][T05]") {
  for (const Expectation& expected : kExpectations) {
    const ToolRun run = tool({"run", "hogs", "--duration", "0.01", "--deterministic", "-v", "--arch",
                              expected.arch, "--topology", expected.shape, "--append", "log=debug"});
    INFO(expected.arch << " " << expected.shape << "\n" << run.text);
    CHECK(run.status == 0);
    CHECK(domains_in(run.text) == std::vector<std::string>(expected.domains.begin(), expected.domains.end()));
  }
}

TEST_CASE("e2e: the kernel's own comparison of domains and tables holds on machines with a shape",
          "[e2e][topology][T05]") {
  for (const char* arch : {"x86_64", "aarch64"})
    for (const char* shape : {"2x2x2", "n2:4x2", "1x8/2"}) {
      const ToolRun run = tool({"test", "sched_domains", "topology", "--target-only", "--deterministic",
                                "--arch", arch, "--topology", shape});
      INFO(arch << " " << shape << "\n" << run.text);
      CHECK(run.status == 0);
    }
}

TEST_CASE("e2e: a shape that cannot be is refused with what would be right", "[e2e][usage][topology]") {
  struct Mistake {
    const char* shape;
    const char* says;
  };
  for (const Mistake& mistake :
       {Mistake{"2y4", "SOCKETSxCORESxTHREADS"}, Mistake{"0x4", "SOCKETSxCORESxTHREADS"},
        Mistake{"4x32", "there may be 64"}, Mistake{"n3:2x4", "3 NUMA nodes need as many sockets"},
        Mistake{"1x6/4", "not a multiple of 4"}}) {
    const ToolRun run = tool({"run", "--topology", mistake.shape}, 60);
    INFO(run.text);
    CHECK(run.status == code(ExitStatus::kUsage));
    CHECK(run.says("--topology"));
    CHECK(run.says(mistake.says));
  }
  const ToolRun both = tool({"run", "--topology", "2x4", "--smp", "8"}, 60);
  CHECK(both.status == code(ExitStatus::kUsage));
  CHECK(both.says("--smp"));
}
