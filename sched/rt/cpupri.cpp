// SPDX-License-Identifier: Apache-2.0
// The search for a CPU that runs something of lower priority (spec 4 RT9).
#include <sched/cpupri.hpp>

namespace runnel::sched {

CpuPri::Change::Change(CpuPri& pri, CpuId cpu, PriLevel level)
    : pri_(pri), cpu_(cpu), from_(pri.level(cpu)), to_(level) {}

/// B11, writer: in the new vector before out of the old one, and inside a vector the bit is there whenever
/// the count says so. A reader therefore finds the CPU at one of its two levels at every moment.
void CpuPri::Change::step(u32 n) {
  if (from_ == to_) return;
  switch (n) {
  case 0:
    if (to_.value != PriLevel::kNone) pri_.vectors_[to_.value].mask.set(cpu_);
    break;
  case 1:
    std::atomic_thread_fence(std::memory_order_seq_cst); // B11: bit before count
    if (to_.value != PriLevel::kNone) pri_.vectors_[to_.value].count.fetch_add(1, std::memory_order_relaxed);
    pri_.levels_[cpu_.value].store(to_.value, std::memory_order_relaxed);
    break;
  case 2:
    std::atomic_thread_fence(std::memory_order_seq_cst); // B11: the new place before the old one goes
    if (from_.value != PriLevel::kNone)
      pri_.vectors_[from_.value].count.fetch_sub(1, std::memory_order_relaxed);
    break;
  default:
    std::atomic_thread_fence(std::memory_order_seq_cst); // B11: count before bit
    if (from_.value != PriLevel::kNone) pri_.vectors_[from_.value].mask.clear(cpu_);
  }
}

void CpuPri::set(CpuId cpu, PriLevel level) {
  Change change(*this, cpu, level);
  for (u32 n = 0; n < Change::kSteps; ++n) change.step(n);
}

bool CpuPri::find_in(const Vector& vector, const CpuMask& allowed, CpuMask* lowest) {
  // B11, reader: every count and mask before those of the next vector, or a CPU that rises meanwhile is seen
  // in neither; pairs with the full barriers in set().
  const u32 count = vector.count.load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (count == 0) return false;
  const CpuMask found = vector.mask.load(std::memory_order_relaxed) & allowed;
  std::atomic_thread_fence(std::memory_order_acquire);
  if (found.empty()) return false;
  if (lowest != nullptr) *lowest = found;
  return true;
}

bool CpuPri::find(PriLevel level, const CpuMask& allowed, CpuMask* lowest) const {
  for (i32 i = 0; i < level.value; ++i)
    if (find_in(vectors_[i], allowed, lowest)) return true;
  return false;
}

} // namespace runnel::sched
