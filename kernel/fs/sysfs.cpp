// SPDX-License-Identifier: Apache-2.0
// The few files of sysfs that C libraries and tests open.
#include "kernel/fs/pseudo.hpp"
#include "kernel/smp/cpumask.hpp"

namespace runnel::fs {
namespace {

void write_list(Sink& to, const CpuMask& mask) {
  write_cpu_list(to, mask);
  to.write("\n");
}

constexpr TextSpec kCpuFiles[] = {
    {"online", 0444, [](Sink& to) { write_list(to, online_cpus()); }},
    {"possible", 0444, [](Sink& to) { write_list(to, CpuMask::first(nr_cpus())); }},
    {"present", 0444, [](Sink& to) { write_list(to, CpuMask::first(nr_cpus())); }},
    {"offline", 0444,
     [](Sink& to) {
       CpuMask offline = CpuMask::first(nr_cpus());
       for (const CpuId cpu : online_cpus()) offline.clear(cpu);
       write_list(to, offline);
     }},
    {"kernel_max", 0444, [](Sink& to) { format_to(to, "{}\n", kMaxCpus - 1); }},
};
constexpr DirSpec kSystem[] = {{"cpu", kCpuFiles, {}}};
constexpr DirSpec kDevices[] = {{"system", {}, kSystem}};
constexpr DirSpec kFs[] = {{"cgroup", {}, {}}};
constexpr DirSpec kTop[] = {{"devices", {}, kDevices}, {"fs", {}, kFs}, {"kernel", {}, {}}};
constexpr DirSpec kRoot{"", {}, kTop};

constexpr u64 kSysfsMagic = 0x6265'6572;
constexpr u32 kDevice = 18;

} // namespace

PseudoFs* create_sysfs() {
  auto* const fs = mm::knew<PseudoFs>("sysfs", kSysfsMagic, kDevice);
  if (fs == nullptr) return nullptr;
  if (Result<RefPtr<Inode>> root = make_table_directory(*fs, kRoot))
    fs->root = Dentry::create("", nullptr, *root);
  if (fs->root) return fs;
  mm::kdelete(fs);
  return nullptr;
}

} // namespace runnel::fs
