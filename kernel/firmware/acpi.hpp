// SPDX-License-Identifier: Apache-2.0
// ACPI's root and its static tables (ACPI 6.4, chapter 5.2). No AML.
#pragma once

#include "kernel/firmware/bytes.hpp"
#include "kernel/lib/errno.hpp"

namespace runnel::firmware {

inline constexpr u64 kAcpiHeaderSize = 36;

class AcpiTables {
 public:
  /// Checks the root pointer and the table list at `rsdp`. On an error `why` names the table and what is
  /// wrong: kINVAL damaged, kNOENT not there.
  static Result<AcpiTables> open(PhysReader reader, PhysAddr rsdp, Sink& why);

  /// The whole table with this signature, header included; empty when there is none. A table whose length or
  /// checksum is wrong is an error (kINVAL), said in `why`.
  Result<Bytes> find(std::string_view signature, Sink& why) const;

 private:
  PhysReader reader_ = nullptr;
  Bytes list_;         // entries of the XSDT or RSDT
  u64 entry_size_ = 8; // 8: XSDT, 4: RSDT
};

/// Looks for the root pointer where PC firmware leaves it (0xe0000 .. 0xfffff), when the boot path did not
/// tell.
std::optional<PhysAddr> scan_for_rsdp(PhysReader reader);

/// Least size in bytes of a table entry of `type`.
struct EntrySize {
  u8 type;
  u8 bytes;
};

/// Calls visit(type, entry) for each {u8 type, u8 length} entry of `table` from `offset` on. kINVAL, with the
/// offset in `why`, when an entry has no length, runs over the end, or is shorter than `sizes` says of its
/// type.
template <typename Visit>
Result<> for_each_entry(std::string_view name, Bytes table, u64 offset, std::span<const EntrySize> sizes,
                        Sink& why, Visit visit) {
  while (offset < table.size()) {
    const u8 type = read_or_zero<u8>(table, offset);
    const u8 length = read_or_zero<u8>(table, offset + 1);
    u8 least = 2;
    for (const EntrySize& size : sizes)
      if (size.type == type) least = size.bytes;
    if (length < least || length > table.size() - offset) {
      format_to(why, "ACPI table {}: entry of type {} at offset {} has the impossible length {}", name, type,
                offset, length);
      return err(Errno::kINVAL);
    }
    visit(type, slice(table, offset, length));
    offset += length;
  }
  return {};
}

} // namespace runnel::firmware
