// SPDX-License-Identifier: Apache-2.0
#include "kernel/firmware/acpi.hpp"

namespace runnel::firmware {
namespace {

constexpr std::string_view kRsdpSignature = "RSD PTR ";
constexpr u64 kMaxTable = 4u << 20; // no static table is near this; a damaged length is

u8 sum(Bytes bytes) {
  u8 total = 0;
  for (const std::byte b : bytes) total = static_cast<u8>(total + static_cast<u8>(b));
  return total;
}

Result<Bytes> read_table(PhysReader reader, PhysAddr at, Sink& why) {
  const Bytes header = reader(at, kAcpiHeaderSize);
  const std::optional<u32> length = read<u32>(header, 4);
  if (!length || *length < kAcpiHeaderSize || *length > kMaxTable) {
    format_to(why, "ACPI table at {:#x}: impossible length", at);
    return err(Errno::kINVAL);
  }
  const Bytes table = reader(at, *length);
  if (table.size() != *length || sum(table) != 0) {
    format_to(why, "ACPI table {} at {:#x}: bad checksum", text(header.first(4)), at);
    return err(Errno::kINVAL);
  }
  return table;
}

bool is_rsdp(Bytes bytes) {
  return bytes.size() >= 20 && text(bytes.first(8)) == kRsdpSignature && sum(bytes.first(20)) == 0;
}

} // namespace

std::optional<PhysAddr> scan_for_rsdp(PhysReader reader) {
  for (u64 at = 0xe0000; at < 0x100000; at += 16)
    if (is_rsdp(reader(PhysAddr{at}, 20))) return PhysAddr{at};
  return std::nullopt;
}

Result<AcpiTables> AcpiTables::open(PhysReader reader, PhysAddr rsdp, Sink& why) {
  const Bytes root = reader(rsdp, 20);
  if (!is_rsdp(root)) {
    format_to(why, "ACPI root pointer at {:#x}: bad signature or checksum", rsdp);
    return err(Errno::kINVAL);
  }
  AcpiTables tables;
  tables.reader_ = reader;
  u64 list = read_or_zero<u32>(root, 16);
  tables.entry_size_ = 4;
  if (read_or_zero<u8>(root, 15) >= 2) {
    const Bytes extended = reader(rsdp, 36);
    const u64 xsdt = read_or_zero<u64>(extended, 24);
    if (extended.size() == 36 && sum(extended) == 0 && xsdt != 0) {
      list = xsdt;
      tables.entry_size_ = 8;
    }
  }
  const Result<Bytes> table = read_table(reader, PhysAddr{list}, why);
  if (!table) return err(table.error());
  tables.list_ = table->subspan(kAcpiHeaderSize);
  return tables;
}

Result<Bytes> AcpiTables::find(std::string_view signature, Sink& why) const {
  for (u64 offset = 0; offset + entry_size_ <= list_.size(); offset += entry_size_) {
    const u64 at = entry_size_ == 8 ? read_or_zero<u64>(list_, offset) : read_or_zero<u32>(list_, offset);
    const Bytes header = reader_(PhysAddr{at}, kAcpiHeaderSize);
    if (header.size() == kAcpiHeaderSize && text(header.first(4)) == signature)
      return read_table(reader_, PhysAddr{at}, why);
  }
  return Bytes{};
}

} // namespace runnel::firmware
