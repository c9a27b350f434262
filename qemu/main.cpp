// SPDX-License-Identifier: Apache-2.0
// The host tool's program; ./runnel at the top of the tree builds and starts it.
#include "qemu/cli.hpp"
#include "qemu/scenario_run.hpp"
#include "qemu/simulated/simulate.hpp"

int main(int argc, char** argv) {
  runnel::qemu::simulator = runnel::simulated::simulate;
  return runnel::qemu::run_cli(argc, argv);
}
