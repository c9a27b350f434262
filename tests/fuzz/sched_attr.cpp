// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: struct sched_attr as a caller gives it, of any size and content, in memory that ends
// anywhere. What is accepted keeps the rules of spec 5.10 and 5.2, restated here, and comes back as it was.
#include <cstdlib>
#include <cstring>
#include <sched/attr_copy.hpp>
#include <sched/prio.hpp>
#include <vector>

namespace {

using namespace runnel;
using namespace runnel::sched;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Memory of exactly these bytes; nothing around them is touched, or the sanitizer says so.
struct Memory final : AttrMemory {
  std::vector<u8> bytes;

  explicit Memory(std::vector<u8> content) : bytes(std::move(content)) {}
  bool read(u32 offset, std::span<u8> to) override {
    if (to.size() > bytes.size() || offset > bytes.size() - to.size()) return false;
    std::memcpy(to.data(), bytes.data() + offset, to.size());
    return true;
  }
  bool write(u32 offset, std::span<const u8> from) override {
    if (from.size() > bytes.size() || offset > bytes.size() - from.size()) return false;
    std::memcpy(bytes.data() + offset, from.data(), from.size());
    return true;
  }
};

void check_accepted(const SchedAttr& attr) {
  const bool rt = attr.policy == 1 || attr.policy == 2;
  require(attr.policy <= 3 || attr.policy == 5 || attr.policy == 6);
  require(rt ? attr.priority >= 1 && attr.priority <= 99 : attr.priority == 0);
  require((attr.flags & ~u64{kSchedFlagAll | kSchedFlagInternal}) == 0);
  if (attr.policy != 6) return;
  const u64 period = attr.period != 0 ? attr.period : attr.deadline;
  require(attr.runtime >= 1024 && attr.runtime <= attr.deadline && attr.deadline <= period);
  require((attr.deadline >> 63) == 0 && (period >> 63) == 0);
  require(period >= 100 * 1000 && period <= (u64{1} << 22) * 1000);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Memory memory({data, data + size});
  const std::vector<u8> before = memory.bytes;
  const Result<SchedAttr> attr = copy_attr_in(memory);
  if (!attr) {
    require(attr.error() == Errno::kFAULT || attr.error() == Errno::kE2BIG || attr.error() == Errno::kINVAL);
    if (attr.error() != Errno::kE2BIG) require(memory.bytes == before);
    return 0;
  }
  require(memory.bytes == before);
  require(attr->nice >= kMinNice && attr->nice <= kMaxNice);
  if (check_sched_attr(*attr)) check_accepted(*attr);

  const u32 room = attr->size;
  Memory back(std::vector<u8>(room, 0xa5));
  require(copy_attr_out(back, *attr, room).has_value());
  const Result<SchedAttr> again = copy_attr_in(back);
  require(again.has_value());
  require(again->policy == attr->policy && again->flags == attr->flags && again->nice == attr->nice &&
          again->priority == attr->priority && again->runtime == attr->runtime &&
          again->deadline == attr->deadline && again->period == attr->period);
  return 0;
}
