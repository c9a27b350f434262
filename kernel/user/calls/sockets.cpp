// SPDX-License-Identifier: Apache-2.0
// Calls on sockets: connected pairs of unix sockets are the only ones there are.
#include "kernel/fs/socket.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"
#include "kernel/user/file/iovec.hpp"

#include <algorithm>

namespace runnel::user {

namespace {

constexpr i32 kUnix = 1;

Result<FilePtr> find_socket(i32 fd) {
  auto file = find_open(fd);
  if (file && fs::SocketFile::from(**file) == nullptr) return err(Errno::kNOTSOCK);
  return file;
}

/// struct msghdr.
struct Message {
  u64 name;
  u32 name_size, pad;
  u64 ranges, nr_ranges, control, control_size;
  u32 flags, pad2;
};
static_assert(sizeof(Message) == 56);

} // namespace

i64 sys_socket(i32, i32, i32) { return negative(Errno::kAFNOSUPPORT); }

i64 sys_socketpair(i32 domain, u32 type, i32 protocol, u64 to) {
  constexpr u32 kTypeBits = 0xf;
  const u32 flags = type & ~kTypeBits;
  if ((flags & ~u32{fs::kCloseOnExec | fs::kNonBlock}) != 0) return negative(Errno::kINVAL);
  if (domain != kUnix) return negative(Errno::kAFNOSUPPORT);
  if (protocol != 0 && protocol != kUnix) return negative(Errno::kPROTONOSUPPORT);
  const auto kind = static_cast<fs::SocketType>(type & kTypeBits);
  if (kind != fs::SocketType::kStream && kind != fs::SocketType::kDatagram &&
      kind != fs::SocketType::kSeqPacket)
    return negative(Errno::kSOCKTNOSUPPORT);
  auto pair = fs::create_socket_pair(kind, flags);
  if (!pair) return negative(pair.error());
  return new_descriptor_pair(std::move(pair->a), std::move(pair->b), flags, to);
}

i64 sys_sendto(i32 fd, u64 from, u64 size, u32 flags, u64 address, u32) {
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  if (!is_user_range(from, size)) return negative(Errno::kFAULT);
  if (address != 0) return negative(Errno::kISCONN);
  fs::IoBuffer buffer(from, std::min(size, kMaxTransfer));
  return to_syscall(fs::SocketFile::from(**file)->send(buffer, flags));
}

i64 sys_recvfrom(i32 fd, u64 to, u64 size, u32 flags, u64 address, u64 address_size) {
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  if (!is_user_range(to, size)) return negative(Errno::kFAULT);
  fs::IoBuffer buffer(to, std::min(size, kMaxTransfer));
  const auto received = fs::SocketFile::from(**file)->receive(buffer, flags);
  if (!received) return negative(received.error());
  if (address != 0 && address_size != 0) // the other end has no name
    if (const auto written = store_user<u32>(address_size, 0); !written) return negative(written.error());
  return static_cast<i64>(received->size);
}

i64 sys_sendmsg(i32 fd, u64 user_message, u32 flags) {
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  const auto message = read_user<Message>(user_message);
  if (!message) return negative(message.error());
  if (message->nr_ranges > kMaxRanges) return negative(Errno::kMSGSIZE);
  if (message->name != 0) return negative(Errno::kISCONN);
  if (message->control_size != 0) return negative(Errno::kOPNOTSUPP); // seam: passing of descriptors
  UserRanges ranges;
  if (const auto read = ranges.read(message->ranges, message->nr_ranges); !read)
    return negative(read.error());
  fs::IoBuffer buffer(ranges.get(), fs::IoSpace::kUser);
  return to_syscall(fs::SocketFile::from(**file)->send(buffer, flags));
}

i64 sys_recvmsg(i32 fd, u64 user_message, u32 flags) {
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  auto message = read_user<Message>(user_message);
  if (!message) return negative(message.error());
  if (message->nr_ranges > kMaxRanges) return negative(Errno::kMSGSIZE);
  UserRanges ranges;
  if (const auto read = ranges.read(message->ranges, message->nr_ranges); !read)
    return negative(read.error());
  fs::IoBuffer buffer(ranges.get(), fs::IoSpace::kUser);
  constexpr u32 kCloseDescriptors = 0x4000'0000; // MSG_CMSG_CLOEXEC
  const auto received = fs::SocketFile::from(**file)->receive(buffer, flags & ~kCloseDescriptors);
  if (!received) return negative(received.error());
  message->name_size = 0;
  message->control_size = 0;
  message->flags = received->flags;
  const auto written = write_user(user_message, *message);
  return written ? static_cast<i64>(received->size) : negative(written.error());
}

i64 sys_shutdown(i32 fd, u32 how) {
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  if (how > static_cast<u32>(fs::Shutdown::kBoth)) return negative(Errno::kINVAL);
  fs::SocketFile::from(**file)->shutdown(static_cast<fs::Shutdown>(how));
  return 0;
}

i64 sys_getsockopt(i32 fd, i32 level, i32 name, u64 to, u64 size_at) {
  constexpr i32 kSocketLevel = 1, kType = 3, kError = 4, kSendSize = 7, kReceiveSize = 8, kAccepts = 30,
                kProtocol = 38, kDomain = 39;
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  const auto size = load_user<u32>(size_at);
  if (!size) return negative(size.error());
  if (static_cast<i32>(*size) < 0) return negative(Errno::kINVAL);
  if (level != kSocketLevel) return negative(Errno::kNOPROTOOPT);
  u32 value;
  switch (name) {
  case kType:
    value = static_cast<u32>(fs::SocketFile::from(**file)->type());
    break;
  case kError:
  case kAccepts:
  case kProtocol:
    value = 0;
    break;
  case kSendSize:
  case kReceiveSize:
    value = 65536;
    break;
  case kDomain:
    value = kUnix;
    break;
  default:
    return negative(Errno::kNOPROTOOPT);
  }
  const u32 n = std::min<u32>(*size, sizeof value);
  if (const auto written = copy_to_user(to, &value, n); !written) return negative(written.error());
  return to_syscall(store_user<u32>(size_at, n));
}

i64 sys_setsockopt(i32 fd, i32 level, i32, u64, u32) {
  constexpr i32 kSocketLevel = 1;
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  return level == kSocketLevel ? 0 : negative(Errno::kNOPROTOOPT); // sizes and the like: without effect
}

} // namespace runnel::user
