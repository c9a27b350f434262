// SPDX-License-Identifier: Apache-2.0
#include "qemu/symbolize.hpp"

#include "qemu/elf_image.hpp"
#include "qemu/files.hpp"

#include <charconv>
#include <cstdlib>
#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>
#include <mutex>
#include <vector>

namespace runnel::qemu {

struct Symbolizer::Impl {
  /// Part of a compilation unit. Kept by ourselves: libdw looks them up by .debug_aranges, which clang does
  /// not write.
  struct Range {
    u64 low = 0, high = 0;
    Dwarf_Die unit = {};
  };
  void collect_ranges(Dwfl_Module* module);

  Dwfl* dwfl = nullptr;
  std::vector<Range> ranges;
  u64 kernel_offset = 0;
  mutable std::mutex lock; // libdw caches inside
};

void Symbolizer::Impl::collect_ranges(Dwfl_Module* module) {
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr;) {
    Dwarf_Addr base = 0, low = 0, high = 0;
    for (std::ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &low, &high)) > 0;)
      ranges.push_back({low + bias, high + bias, *unit});
  }
}

namespace {

std::string demangle(const char* name) {
  int status = 0;
  char* plain = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string text = status == 0 ? plain : name;
  std::free(plain);
  if (const auto args = text.find('(');
      args != std::string::npos && args > 0 && text.compare(args, 11, "(anonymous ") != 0)
    text.erase(args);
  return text;
}

/// Files of the tree are named from its top, and that is what `.` is in an image (top CMakeLists.txt).
std::string from_top(std::string_view file) {
  return std::string(file.starts_with("./") ? file.substr(2) : file);
}

/// Functions inlined around `address` within `parent`, from the outside in. A walk of our own:
/// dwarf_getscopes gives up at entries without an address, of which clang writes many.
void collect_inlined(Dwarf_Die& parent, Dwarf_Addr address, std::vector<Dwarf_Die>& found) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_namespace) {
      collect_inlined(child, address, found);
      continue;
    }
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) continue;
    if (!dwarf_hasattr(&child, DW_AT_low_pc) && !dwarf_hasattr(&child, DW_AT_ranges)) continue;
    if (dwarf_haspc(&child, address) <= 0) continue;
    if (tag == DW_TAG_inlined_subroutine) found.push_back(child);
    return collect_inlined(child, address, found);
  } while (dwarf_siblingof(&child, &child) == 0);
}

std::optional<Dwarf_Word> number(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_formudata(dwarf_attr(&die, name, &attribute), &value) != 0) return std::nullopt;
  return value;
}

/// The line of `address`, and those of the calls that were inlined around it, from the inside out.
std::vector<std::string> places_in(Dwarf_Die& unit, Dwarf_Addr address) {
  std::vector<std::string> places;
  Dwarf_Line* line = dwarf_getsrc_die(&unit, address);
  const char* file = line != nullptr ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
  if (file == nullptr) return places;
  int line_number = 0;
  dwarf_lineno(line, &line_number);
  places.push_back(fmt::format("{}:{}", from_top(file), line_number));

  std::vector<Dwarf_Die> inlined;
  collect_inlined(unit, address, inlined);
  Dwarf_Files* files = nullptr;
  dwarf_getsrcfiles(&unit, &files, nullptr);
  for (auto die = inlined.rbegin(); die != inlined.rend(); ++die) {
    const auto call_file = number(*die, DW_AT_call_file), call_line = number(*die, DW_AT_call_line);
    if (!call_file || !call_line) continue;
    if (const char* caller = dwarf_filesrc(files, *call_file, nullptr, nullptr))
      places.push_back(fmt::format("{}:{}", from_top(caller), *call_line));
  }
  return places;
}

std::string to_text(const std::vector<std::string>& places) {
  return places.empty() ? std::string() : fmt::format(" ({})", fmt::join(places, ", inlined in "));
}

/// The address of a backtrace line and whether it is the innermost frame's.
struct Frame {
  u64 address = 0;
  Symbolizer::Kind kind = Symbolizer::Kind::kExact;
};

std::optional<Frame> parse_frame(std::string_view line) {
  const auto hash = line.find('#');
  if (hash == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(hash + 1);
  std::size_t digits = 0;
  while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
  if (digits == 0 || !rest.substr(digits).starts_with(" 0x")) return std::nullopt;
  const bool innermost = rest.substr(0, digits) == "0";
  rest.remove_prefix(digits + 3);
  Frame frame{0, innermost ? Symbolizer::Kind::kExact : Symbolizer::Kind::kReturnAddress};
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), frame.address, 16);
  return error == std::errc{} ? std::optional(frame) : std::nullopt;
}

} // namespace

Symbolizer::Symbolizer(const std::filesystem::path& elf) : impl_(std::make_unique<Impl>()) {
  static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
                                           .find_debuginfo = dwfl_standard_find_debuginfo,
                                           .section_address = dwfl_offline_section_address,
                                           .debuginfo_path = nullptr};
  try {
    impl_->kernel_offset = ElfImage(elf).kernel_offset();
  } catch (const std::exception&) {
    return;
  }
  impl_->dwfl = dwfl_begin(&callbacks);
  if (impl_->dwfl == nullptr) return;
  dwfl_report_begin(impl_->dwfl);
  Dwfl_Module* module = dwfl_report_offline(impl_->dwfl, "kernel", elf.c_str(), -1);
  dwfl_report_end(impl_->dwfl, nullptr, nullptr);
  if (module != nullptr) impl_->collect_ranges(module);
}

Symbolizer::~Symbolizer() {
  if (impl_->dwfl != nullptr) dwfl_end(impl_->dwfl);
}

std::optional<CodeLocation> Symbolizer::find(u64 address) const {
  if (impl_->dwfl == nullptr) return std::nullopt;
  if (address >> 63 == 0) address += impl_->kernel_offset;
  const std::lock_guard guard(impl_->lock);
  Dwfl_Module* module = dwfl_addrmodule(impl_->dwfl, address);
  if (module == nullptr) return std::nullopt;
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char* name = dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name == nullptr) return std::nullopt;
  CodeLocation location{demangle(name), offset, {}};
  for (Impl::Range& range : impl_->ranges) {
    if (address < range.low || address >= range.high) continue;
    location.places = places_in(range.unit, address);
    if (!location.places.empty()) break;
  }
  return location;
}

std::string Symbolizer::describe(u64 address, Kind kind) const {
  const u64 back = kind == Kind::kReturnAddress ? 1 : 0;
  const auto location = find(address - back);
  if (!location) return fmt::format("{:#018x} ?", address);
  std::string text = fmt::format("{:#018x} {}+{:#x}", address, location->function, location->offset + back);
  text += to_text(location->places);
  return text;
}

std::string Symbolizer::annotate(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    out += line;
    if (const auto frame = parse_frame(line)) {
      const auto location = find(frame->kind == Kind::kReturnAddress ? frame->address - 1 : frame->address);
      if (location) out += to_text(location->places);
    }
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

} // namespace runnel::qemu
