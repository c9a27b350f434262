// SPDX-License-Identifier: Apache-2.0
// Which CPU has the latest of the earliest deadlines (spec 5.4).
#include <sched/cpudl.hpp>
#include <sched/dl_entity.hpp>

namespace runnel::sched {

void CpuDlHeap::put(u32 at, Member member) {
  heap_[at] = member;
  slot_[member.cpu] = at + 1;
}

void CpuDlHeap::sift_up(u32 at) {
  const Member member = heap_[at];
  while (at > 0) {
    const u32 parent = (at - 1) / 2;
    if (!dl_before(heap_[parent].deadline, member.deadline)) break;
    put(at, heap_[parent]);
    at = parent;
  }
  put(at, member);
}

void CpuDlHeap::sift_down(u32 at) {
  const Member member = heap_[at];
  for (;;) {
    u32 child = 2 * at + 1;
    if (child >= size_) break;
    if (child + 1 < size_ && dl_before(heap_[child].deadline, heap_[child + 1].deadline)) ++child;
    if (!dl_before(member.deadline, heap_[child].deadline)) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, member);
}

void CpuDlHeap::erase(CpuId cpu) {
  if (!has_work(cpu)) return;
  const u32 at = slot_[cpu.value] - 1;
  slot_[cpu.value] = 0;
  const Member last = heap_[--size_];
  if (at == size_) return;
  put(at, last);
  sift_up(at);
  sift_down(slot_[last.cpu] - 1);
}

void CpuDlHeap::set(CpuId cpu, u64 deadline) {
  free_.clear(cpu);
  if (!has_work(cpu)) {
    put(size_, {deadline, cpu.value});
    sift_up(size_++);
    return;
  }
  const u32 at = slot_[cpu.value] - 1;
  heap_[at].deadline = deadline;
  sift_up(at);
  sift_down(slot_[cpu.value] - 1);
}

void CpuDlHeap::set_free(CpuId cpu) {
  erase(cpu);
  free_.set(cpu);
}

void CpuDlHeap::remove(CpuId cpu) {
  erase(cpu);
  free_.clear(cpu);
}

bool CpuDlHeap::would_be_first(CpuId cpu, u64 deadline) const {
  return !has_work(cpu) || dl_before(deadline, heap_[slot_[cpu.value] - 1].deadline);
}

CpuMask CpuDlHeap::find(const CpuMask& allowed, u64 deadline) const {
  if (const CpuMask candidates = free_ & allowed; !candidates.empty()) return candidates;
  const Member* latest = nullptr;
  if (size_ != 0 && allowed.test({heap_[0].cpu})) {
    latest = &heap_[0];
  } else {
    for (u32 i = 1; i < size_; ++i) // rare: a deadline task may run on all CPUs unless it is migrate-disabled
      if (allowed.test({heap_[i].cpu}) &&
          (latest == nullptr || dl_before(latest->deadline, heap_[i].deadline)))
        latest = &heap_[i];
  }
  if (latest == nullptr || !dl_before(deadline, latest->deadline)) return {};
  return CpuMask::of({latest->cpu});
}

} // namespace runnel::sched
