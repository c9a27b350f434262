// SPDX-License-Identifier: Apache-2.0
#include "qemu/scenario/initrd.hpp"

#include "kernel/lib/types.hpp"

#include <array>
#include <fmt/format.h>
#include <stdexcept>

namespace runnel::scenario {

namespace {

void pad_to(std::string& out, usize alignment) { out.resize(align_up(out.size(), alignment), '\0'); }

/// One member: magic, thirteen fields of eight hexadecimal digits, name with NUL, content, both padded to 4.
void put_member(std::string& out, u32 inode, u32 mode, const std::string& name, std::string_view content) {
  static constexpr u32 kLinks = 1, kNone = 0;
  const std::array<u32, 13> fields = {inode,
                                      mode,
                                      kNone,
                                      kNone,
                                      kLinks,
                                      kNone,
                                      static_cast<u32>(content.size()),
                                      kNone,
                                      kNone,
                                      kNone,
                                      kNone,
                                      static_cast<u32>(name.size() + 1),
                                      kNone};
  out += "070701";
  for (const u32 field : fields) out += fmt::format("{:08x}", field);
  out += name;
  out += '\0';
  pad_to(out, 4);
  out += content;
  pad_to(out, 4);
}

} // namespace

std::string make_initrd(const std::vector<InitrdFile>& files) {
  std::string out;
  u32 inode = 1;
  for (const InitrdFile& file : files) {
    if (file.name.empty() || file.name.find('\0') != std::string::npos)
      throw std::invalid_argument("initrd: a file needs a name without NUL");
    if (file.content.size() > 0xffff'ffff)
      throw std::invalid_argument("initrd: " + file.name + " is 4 GiB or more");
    put_member(out, inode++, file.mode, file.name, file.content);
  }
  put_member(out, 0, 0, "TRAILER!!!", {});
  pad_to(out, 512);
  return out;
}

} // namespace runnel::scenario
