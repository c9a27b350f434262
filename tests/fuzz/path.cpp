// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the text of path walks. The input's first byte is the room, then strings between NULs:
// the first is the path, each further one is put in front after one component. Against a plain model.
#include "kernel/fs/path_text.hpp"

#include <cstdlib>
#include <string>
#include <vector>

using namespace runnel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::vector<char> buffer(data[0] + 1u);
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  fs::PathText text(buffer);
  std::string model;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  while (!input.empty()) {
    const std::string_view part = input.substr(0, input.find('\0'));
    input.remove_prefix(part.size() == input.size() ? part.size() : part.size() + 1);
    const Result<> put = text.prepend(part);
    if (part.empty()) {
      require(!put && put.error() == Errno::kNOENT);
    } else if (part.size() + model.size() > buffer.size()) {
      require(!put && put.error() == Errno::kNAMETOOLONG);
    } else {
      require(put.has_value() && text.is_absolute() == part.starts_with('/'));
      model.insert(0, part);
    }
    const auto c = text.next();
    model.erase(0, std::min(model.find_first_not_of('/'), model.size()));
    const std::string name = model.substr(0, model.find('/'));
    model.erase(0, name.size());
    require(c.name == name);
    require(c.last == (model.find_first_not_of('/') == std::string::npos));
    require(c.slash_after == !model.empty());
  }
  return 0;
}
