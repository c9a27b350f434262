// SPDX-License-Identifier: Apache-2.0
// What a C++ run-time needs: streams, exceptions through frames with destructors, run-time type information.
#include "tests/user/ktap.h"

#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Counter {
  explicit Counter(int& count) : count_(count) { ++count_; }
  ~Counter() { --count_; }
  int& count_;
};

__attribute__((noinline)) void throws(int depth, int& alive) {
  const Counter counter(alive);
  if (depth == 0) throw std::runtime_error("thrown");
  throws(depth - 1, alive);
}

struct Base {
  virtual ~Base() = default;
};
struct Derived : Base {};

} // namespace

int main() {
  plan(4);
  int alive = 0;
  std::string caught;
  try {
    throws(20, alive);
  } catch (const std::exception& error) {
    caught = error.what();
  }
  check(caught == "thrown");
  check(alive == 0);
  const std::unique_ptr<Base> object = std::make_unique<Derived>();
  check(dynamic_cast<Derived*>(object.get()) != nullptr);
  std::ostringstream text;
  for (const double value : std::vector<double>{0.5, 2, 1e100}) text << value << ' ';
  check(text.str() == "0.5 2 1e+100 ");
  std::cout << "# " << text.str() << std::endl;
  return finished();
}
