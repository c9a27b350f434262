// SPDX-License-Identifier: Apache-2.0
// Device registers in the vmap area. Never unmapped; what is mapped already is found again.
#include "kernel/debug/panic.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/mm/vmap_lock.hpp"

#include <arch/upcalls.hpp>
#include <array>

namespace runnel::mm {
namespace {

constexpr u64 kDeviceEnd = arch::kVmapStart + arch::kVmapSize;
constexpr u64 kLargePage = u64{2} << 20;

struct Window {
  PhysAddr phys;
  u64 size = 0;
  VirtAddr virt;
};

constinit std::array<Window, 64> windows GUARDED_BY(vmap_lock){};
constinit u32 nr_windows GUARDED_BY(vmap_lock) = 0;
constinit u64 next_virt GUARDED_BY(vmap_lock) = kDeviceArea;

const Window* find_window(PhysAddr base, u64 size) REQUIRES(vmap_lock) {
  for (u32 i = 0; i < nr_windows; ++i) {
    const Window& window = windows[i];
    if (window.phys <= base && base.value + size <= window.phys.value + window.size) return &window;
  }
  return nullptr;
}

const Window& map_window(PhysAddr base, u64 size) REQUIRES(vmap_lock) {
  // Placed like its physical address within a large page, so that large registers files get large pages.
  const u64 virt = align_up(next_virt, kLargePage) + base.value % kLargePage;
  if (nr_windows == windows.size() || size > kDeviceEnd - virt)
    panic("no room to map device registers at {:#x}", base);
  const Result<> mapped = kernel_page_table().map({virt}, base, size, arch::Prot::kDevice);
  if (!mapped) panic("mapping device registers at {:#x} failed with error {}", base, mapped.error());
  next_virt = virt + size + kPageSize; // a hole behind each
  Window& window = windows[nr_windows++];
  window = {.phys = base, .size = size, .virt = {virt}};
  return window;
}

} // namespace

u64 device_pages() {
  u64 pages = 0;
  for (u32 i = 0; i < nr_windows; ++i) pages += windows[i].size >> kPageShift;
  return pages;
}

} // namespace runnel::mm

void* runnel::upcall::map_device(PhysAddr base, u64 size) {
  using namespace runnel::mm;
  const PhysAddr first{align_down(base.value, kPageSize)};
  const u64 bytes = align_up(base.value + size, kPageSize) - first.value;
  const IrqSpinGuard guard(vmap_lock);
  const Window* window = find_window(first, bytes);
  if (window == nullptr) window = &map_window(first, bytes);
  return reinterpret_cast<void*>((window->virt + (base - window->phys)).value);
}
