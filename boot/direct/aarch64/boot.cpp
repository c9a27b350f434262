// SPDX-License-Identifier: Apache-2.0
// From the first C++ instruction to kernel_main: BootInfo out of the device tree (direct boot) or copied from
// the UEFI loader. Runs at the linked address on the early page tables, interrupts off.
#include "boot/boot_info.hpp"
#include "boot/direct/memory_list.hpp"
#include "kernel/lib/fdt.hpp"

extern "C" {
[[noreturn]] void kernel_main(const runnel::boot::BootInfo& info);
[[noreturn]] void boot_die(const char* text, runnel::u64 pl011); // head.S
extern const char __image_start[], __image_end[];
}

namespace runnel::boot {
namespace {

constexpr u64 kDirectMap = 0xffff'8000'0000'0000; // as early_map.S makes it, low 512 GiB
constexpr u64 kDirectMapSize = u64{512} << 30;
constexpr u64 kPl011 = kDirectMap + 0x0900'0000;

constinit BootInfo boot_info;
constinit MemoryList memory;

[[noreturn]] void die(const char* text) { boot_die(text, kPl011); }

bool is_named(std::string_view node, std::string_view name) {
  return node == name || (node.starts_with(name) && node.size() > name.size() && node[name.size()] == '@');
}

/// What of one node matters, complete when the node ends.
struct Node {
  bool is_memory = false;
  bool is_disabled = false;
  std::span<const u8> reg;
};

/// The tree's facts; initrd as the two addresses of /chosen. One pass collects ranges of one kind: reserved
/// memory can only be painted over memory that is there.
class Collector {
 public:
  explicit Collector(MemoryKind pass) : pass_(pass) {}
  void run(FdtReader reader) {
    for (FdtToken token = reader.next(); token.kind != FdtToken::Kind::kEnd; token = reader.next()) {
      switch (token.kind) {
      case FdtToken::Kind::kBeginNode:
        begin(token.name);
        break;
      case FdtToken::Kind::kEndNode:
        end();
        break;
      case FdtToken::Kind::kProperty:
        property(token);
        break;
      default:
        die("runnel: error the device tree is damaged\nrunnel: end boot-failed\n");
      }
    }
  }
  u64 initrd_start = 0, initrd_end = 0;
  bool command_line_cut = false;

 private:
  void begin(std::string_view name) {
    ++depth_;
    if (depth_ == 2) section_ = name;
    node_ = {};
  }

  void end() {
    // Children come after all properties of their parent, so the node that ends here without child is
    // `node_`.
    if (depth_ == 2 && node_.is_memory && !node_.is_disabled) add_ranges(MemoryKind::kUsable);
    if (depth_ == 3 && section_ == "reserved-memory") add_ranges(MemoryKind::kReserved);
    node_ = {};
    if (depth_ > 0) --depth_;
  }

  void property(const FdtToken& token) {
    std::span<const u8> value = token.value;
    const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
    if (depth_ == 1) {
      if (token.name == "#address-cells") address_cells_ = static_cast<u32>(fdt_take(value, 4));
      if (token.name == "#size-cells") size_cells_ = static_cast<u32>(fdt_take(value, 4));
    } else if (depth_ == 2 && section_ == "chosen") {
      const u32 bytes = value.size() == 4 ? 4 : 8;
      if (token.name == "bootargs") copy_command_line(text);
      if (token.name == "linux,initrd-start") initrd_start = fdt_take(value, bytes);
      if (token.name == "linux,initrd-end") initrd_end = fdt_take(value, bytes);
    } else {
      if (token.name == "device_type" && depth_ == 2 && is_named(section_, "memory"))
        node_.is_memory = text.starts_with("memory");
      if (token.name == "status") node_.is_disabled = !text.starts_with("ok");
      if (token.name == "reg") node_.reg = value;
    }
  }

  void add_ranges(MemoryKind kind) {
    if (kind != pass_) return;
    if (address_cells_ == 0 || address_cells_ > 2 || size_cells_ == 0 || size_cells_ > 2) return;
    while (node_.reg.size() >= (address_cells_ + size_cells_) * 4) {
      const u64 base = fdt_take(node_.reg, address_cells_ * 4);
      const u64 size = fdt_take(node_.reg, size_cells_ * 4);
      memory.set(base, size, kind);
    }
  }

  void copy_command_line(std::string_view text) {
    usize n = 0;
    for (; n < text.size() && text[n] != '\0'; ++n) {
      if (n + 1 == kMaxCommandLine) {
        command_line_cut = true;
        break;
      }
      boot_info.command_line[n] = text[n];
    }
    boot_info.command_line[n] = '\0';
  }

  MemoryKind pass_;
  u32 depth_ = 0;
  u32 address_cells_ = 2, size_cells_ = 1; // the specification's defaults
  std::string_view section_;               // child of the root we are in
  Node node_;
};

void fill_from_device_tree(u64 fdt, u64 image) {
  const auto reader = fdt != 0 && fdt < kDirectMapSize && fdt % 8 == 0
                          ? FdtReader::open(reinterpret_cast<const u8*>(kDirectMap + fdt))
                          : std::nullopt;
  if (!reader)
    die("runnel: error no device tree in x0 (boot the .img, not the .elf)\nrunnel: end boot-failed\n");

  Collector tree(MemoryKind::kUsable);
  tree.run(*reader);
  Collector(MemoryKind::kReserved).run(*reader);
  if (tree.command_line_cut)
    die("runnel: error the command line is longer than 2047 characters\nrunnel: end boot-failed\n");
  for (u32 i = 0;; ++i) {
    const auto reservation = reader->reservation(i);
    if (!reservation) break;
    memory.set(reservation->base, reservation->size, MemoryKind::kReserved);
  }
  boot_info.source = Source::kArm64Image;
  boot_info.kernel_phys_base = image;
  boot_info.kernel_phys_end = image + static_cast<u64>(__image_end - __image_start);
  boot_info.device_tree = fdt;
  memory.set(fdt, reader->size(), MemoryKind::kBootData);
  if (tree.initrd_end > tree.initrd_start) {
    boot_info.initrd_base = tree.initrd_start;
    boot_info.initrd_size = tree.initrd_end - tree.initrd_start;
    memory.set(boot_info.initrd_base, boot_info.initrd_size, MemoryKind::kBootData);
  }
  memory.set(image, boot_info.kernel_phys_end - image, MemoryKind::kKernel);
  if (!memory.copy_to(boot_info))
    die("runnel: error more memory ranges than BootInfo holds\nrunnel: end boot-failed\n");
}

} // namespace
} // namespace runnel::boot

/// head.S: how the entry code was reached.
enum class Way : runnel::u64 { kImage = 0, kUefi = 1 };

/// `argument`: physical address of the device tree or of the loader's BootInfo; `image`: of the image's first
/// byte.
extern "C" [[noreturn]] void boot_main(runnel::u64 argument, Way way, runnel::u64 image) {
  using namespace runnel::boot;
  if (way == Way::kUefi) {
    const auto* info = reinterpret_cast<const BootInfo*>(kDirectMap + argument);
    if (argument == 0 || argument >= kDirectMapSize || info->magic != kBootInfoMagic)
      die("runnel: error the loader passed no BootInfo\nrunnel: end boot-failed\n");
    boot_info = *info;
  } else {
    fill_from_device_tree(argument, image);
  }
  kernel_main(boot_info);
}
