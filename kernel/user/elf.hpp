// SPDX-License-Identifier: Apache-2.0
// What an ELF file says about itself, and whether it can be run (linux_abi 3.1). Pure: looks at bytes,
// allocates nothing; every number it gives has been checked against the file and the address space.
#pragma once

#include "kernel/lib/errno.hpp"

#include <span>
#include <string_view>

namespace runnel::user {

/// A PT_LOAD: [address, address + file_size) comes from the file, the rest up to memory_size is zero.
struct ElfSegment {
  u64 address = 0;     // as linked; the load bias is added by whoever maps it
  u64 memory_size = 0; // may be 0: nothing to map
  u64 file_offset = 0; // congruent to `address` modulo the page size
  u64 file_size = 0;   // not more than memory_size; [offset, offset + size) may reach beyond the file's end
  bool read = false, write = false, execute = false;
};

class ElfImage {
 public:
  /// kNOEXEC: not an ELF file for `machine`, or its headers are malformed; kINVAL: its segments are; kIO: it
  /// ends within its headers. Errors in the order in which Linux finds them. No address reaches `limit`.
  static Result<ElfImage> parse(std::span<const std::byte> file, u16 machine, u64 limit);

  bool position_independent() const { return dynamic_; }
  u64 entry() const { return entry_; }
  u16 nr_headers() const { return nr_headers_; }
  static constexpr u16 kHeaderSize = 56;
  /// Address of the program headers in memory, for AT_PHDR; 0 when no segment has them.
  u64 headers_address() const { return headers_address_; }

  /// Lowest byte of all segments, rounded down to a page, and end of the highest, rounded up. Never empty.
  u64 low() const { return low_; }
  u64 high() const { return high_; }
  /// Largest alignment a segment asks for, at least a page; a power of two.
  u64 alignment() const { return alignment_; }
  bool executable_stack() const { return executable_stack_; }

  /// PT_INTERP without its NUL; empty: none.
  std::string_view interpreter() const { return interpreter_; }

  /// Segment number `i` of nr_segments(), in the file's order.
  u16 nr_segments() const { return nr_segments_; }
  ElfSegment segment(u16 i) const;

 private:
  ElfImage() = default;
  Result<> read_program_headers(u64 limit);

  std::span<const std::byte> file_;
  bool dynamic_ = false, executable_stack_ = false;
  u64 entry_ = 0, headers_at_ = 0, headers_address_ = 0, low_ = 0, high_ = 0, alignment_ = 0;
  u16 nr_headers_ = 0, nr_segments_ = 0;
  std::string_view interpreter_;
};

} // namespace runnel::user
