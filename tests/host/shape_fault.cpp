// SPDX-License-Identifier: Apache-2.0
// Shapes that are none: the message says which part of it is wrong.
#include "qemu/shape_fault.hpp"
#include "sched/sim/shape.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

TEST_CASE("shape: what is wrong with it is said", "[topology]") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "nothing is given"},
      {"0x4", "at least one socket, core and thread"},
      {"2x0", "at least one socket, core and thread"},
      {"9x9x9x9", "that is 4 numbers, and there are three"},
      {"9x9", "that is 81 CPUs, and there may be"},
      {"4000000000x4000000000x4000000000", "CPUs, and there may be"},
      {"4294967296", "\"4294967296\" is no number"},
      {"n0:2", "at least one NUMA node"},
      {"n2:2", "2 NUMA nodes need as many sockets, and there is 1"},
      {"n3:2x2", "3 NUMA nodes need as many sockets, and there are 2"},
      {"n2", "before a colon stands n"},
      {"2:2x2", "before a colon stands n"},
      {"nx:2", "before a colon stands n"},
      {"4x", "\"\" is no number"},
      {"2x-1", "\"-1\" is no number"},
      {"two", "\"two\" is no number"},
      {"2x2 ", "\"2 \" is no number"},
      {"1x4/0", "how many cores share a cache"},
      {"1x4/", "how many cores share a cache"},
      {"1x4/8", "8 cores cannot share a cache in a socket of 4"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text, why);
    CHECK_FALSE(sim::parse_shape(text).has_value());
    CHECK(qemu::shape_fault(text).find(why) != std::string::npos);
  }
}
