// SPDX-License-Identifier: Apache-2.0
// pack-initrd OUT FILE=GUEST...: an initrd with these files and the folders they lie in; symbolic links are
// followed.
#include "qemu/scenario/initrd.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

using runnel::scenario::InitrdFile;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kFile = 0100755, kFolder = 040755;

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void pack(const std::string& out_path, int count, char** pairs) {
  std::vector<InitrdFile> files;
  std::set<fs::path> folders;
  for (int i = 0; i < count; ++i) {
    const std::string pair = pairs[i];
    const auto equals = pair.rfind('=');
    if (equals == std::string::npos) throw std::runtime_error(pair + " is not FILE=GUEST");
    const std::string guest = pair.substr(equals + 1);
    fs::path folder;
    for (const fs::path& part : fs::path(guest).parent_path()) {
      folder /= part;
      if (folders.insert(folder).second) files.push_back({folder.string(), {}, kFolder});
    }
    files.push_back({guest, read(pair.substr(0, equals)), kFile});
  }
  std::ofstream out(out_path, std::ios::binary | std::ios::trunc);
  const std::string archive = runnel::scenario::make_initrd(files);
  out.write(archive.data(), static_cast<std::streamsize>(archive.size())).flush();
  if (!out) throw std::runtime_error("cannot write " + out_path);
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2) throw std::runtime_error("usage: pack-initrd OUT FILE=GUEST...");
    pack(argv[1], argc - 2, argv + 2);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pack-initrd: %s\n", error.what());
    return 1;
  }
}
