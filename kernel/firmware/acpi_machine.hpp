// SPDX-License-Identifier: Apache-2.0
// What each ACPI table adds to the machine's description. Tables come whole, with their header, checksum
// verified.
#pragma once

#include "kernel/firmware/acpi.hpp"

#include <arch/machine.hpp>

namespace runnel::firmware {

/// CPUs and interrupt controllers; the CPU with `boot_hw_id` becomes number 0. kINVAL: damaged, or no CPU.
Result<> read_madt(Bytes madt, u64 boot_hw_id, arch::MachineInfo& machine, Sink& why);
/// NUMA nodes of CPUs and memory, distances (slit may be empty). After the MADT.
Result<> read_srat(Bytes srat, Bytes slit, arch::MachineInfo& machine, Sink& why);
/// Packages, cores, threads and last-level caches (aarch64; x86_64 asks the CPU). After the MADT.
Result<> read_pptt(Bytes pptt, arch::MachineInfo& machine, Sink& why);
void read_hpet(Bytes hpet, arch::MachineInfo& machine);
void read_fadt(Bytes fadt, arch::MachineInfo& machine);
void read_gtdt(Bytes gtdt, arch::MachineInfo& machine);
void read_spcr(Bytes spcr, arch::MachineInfo& machine);
/// A PC's first serial port, where no SPCR names one: QEMU describes it in byte code only, but it is where it
/// always was.
void assume_com1(arch::MachineInfo& machine);

/// All of the above that are there.
Result<> describe_from_acpi(PhysReader reader, PhysAddr rsdp, u64 boot_hw_id, arch::MachineInfo& machine,
                            Sink& why);

} // namespace runnel::firmware
