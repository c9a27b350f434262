// SPDX-License-Identifier: Apache-2.0
// Catch2's main, alone in its file because it compiles slowly.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
