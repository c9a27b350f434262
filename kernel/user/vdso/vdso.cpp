// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/vdso/vdso.hpp"

#include "kernel/mm/address.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/mm/user_page.hpp"
#include <arch/vdso_data.hpp>

#include <algorithm>
#include <arch/vdso.hpp>
#include <cstring>
#include <span>

extern "C" {
extern const std::byte runnel_vdso_start[];
extern const std::byte runnel_vdso_end[];
}

namespace runnel::user {
namespace {

constexpr u32 kMaxPages = 4; // of the image

/// Pages that are there from the start and for ever.
class FixedPages final : public VmObject {
 public:
  explicit constexpr FixedPages(std::string_view name) : name_(name) {}

  Result<> fill(std::span<const std::byte> content) {
    for (; !content.empty(); ++count_) {
      if (count_ == kMaxPages) return err(Errno::kNOMEM);
      const auto page = page_alloc_zeroed();
      if (!page) return err(page.error());
      const usize size = std::min<usize>(content.size(), kPageSize);
      std::memcpy(mm::phys_ptr<std::byte>(*page), content.data(), size);
      content = content.subspan(size);
      pages_[count_] = *page;
    }
    return {};
  }
  std::byte* bytes() { return mm::phys_ptr<std::byte>(pages_[0]); }

  Result<PhysAddr> page(u64 index) override {
    if (index >= count_) return err(Errno::kFAULT);
    page_get(pages_[index]);
    return pages_[index];
  }
  bool is_resident(u64) override { return true; }
  u64 size() const override { return u64{count_} * kPageSize; }
  std::string_view name() const override { return name_; }

 private:
  void destroy() override {} // the first reference is never given back

  std::string_view name_;
  PhysAddr pages_[kMaxPages];
  u32 count_ = 0;
};

constinit FixedPages data_pages("[vvar]");
constinit FixedPages image_pages("[vdso]");
constinit bool is_there = false;

Result<> make_pages() {
  const vdso::Data empty{};
  RUNNEL_TRY(data_pages.fill(std::as_bytes(std::span(&empty, 1))));
  return image_pages.fill({runnel_vdso_start, runnel_vdso_end});
}

Result<> map(Mm& mm, u64 address, FixedPages& pages, u64 prot) {
  const auto at = mm.mmap({.address = address,
                           .length = pages.size(),
                           .prot = prot,
                           .flags = kMAP_PRIVATE | kMAP_FIXED,
                           .object = &pages,
                           .may = kVmMayRead | kVmMayExec});
  return at ? Result<>() : err(at.error());
}

} // namespace

void init_vdso() {
  is_there = make_pages().has_value();
  update_vdso();
}

void update_vdso() {
  if (!is_there) return;
  const auto counter = arch::clock_for_user();
  const u32 flags =
      (counter ? u32{vdso::kClock} : 0) | (arch::user_reads_cpu_number() ? u32{vdso::kCpuNumber} : 0);
  auto& data = *reinterpret_cast<vdso::Data*>(data_pages.bytes());
  const std::atomic_ref<u32> sequence(data.sequence);
  const IrqGuard irqs_off; // a reader spins while it is odd, and might spin on this CPU
  if ((data.sequence & 1) == 0) sequence.store(data.sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release); // odd before anything below is seen
  data.flags = flags;
  if (counter) {
    data.base = counter->base;
    data.whole = counter->whole;
    data.fraction = counter->fraction;
  }
  data.at_zero[static_cast<u32>(vdso::Epoch::k1970)] = kRealtimeAtBoot;
  // Acquire: read_clock in vdso/vdso.cpp.
  if (counter) sequence.store(data.sequence + 1, std::memory_order_release);
}

Result<u64> map_vdso(Mm& mm) {
  if (!is_there) return 0;
  // Room for both, then each in its place.
  const auto room = mm.mmap({.length = data_pages.size() + image_pages.size(),
                             .prot = kPROT_NONE,
                             .flags = kMAP_PRIVATE | kMAP_ANONYMOUS});
  if (!room) return room;
  const u64 image = *room + data_pages.size();
  RUNNEL_TRY(map(mm, *room, data_pages, kPROT_READ));
  RUNNEL_TRY(map(mm, image, image_pages, kPROT_READ | kPROT_EXEC));
  return image;
}

} // namespace runnel::user
