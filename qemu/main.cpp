// SPDX-License-Identifier: Apache-2.0
// The host tool's program; ./runnel at the top of the tree builds and starts it.
#include "qemu/cli.hpp"

int main(int argc, char** argv) { return runnel::qemu::run_cli(argc, argv); }
