// SPDX-License-Identifier: Apache-2.0
// Calls on sockets: connected pairs of unix sockets are the only ones there are.
#include "kernel/fs/socket.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"
#include "kernel/user/file/iovec.hpp"

#include <algorithm>
#include <utility>

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

/// struct cmsghdr, and the only kind of data behind it that there is: descriptors.
struct ControlHead {
  u64 size; // with it
  i32 level, type;
};
static_assert(sizeof(ControlHead) == 16);
constexpr i32 kSocketLevel = 1, kRights = 1;
constexpr Errno kTooManyReferences{109}; // ETOOMANYREFS

/// The open files that `size` bytes at `at` name. kBADF; kINVAL: more than there may be; kTooManyReferences:
/// a socket: pairs that lie in each other would never go.
Result<> add_files(fs::PassedFiles& to, u64 at, u64 size) {
  const u64 count = size / sizeof(i32);
  if (to.count + count > fs::PassedFiles::kMost) return err(Errno::kINVAL);
  for (u64 i = 0; i < count; ++i) {
    const auto fd = read_user<i32>(at + i * sizeof(i32));
    if (!fd) return err(fd.error());
    auto file = my_files().find(*fd);
    if (!file) return err(file.error());
    if (fs::SocketFile::from(**file) != nullptr) return err(kTooManyReferences);
    to.files[to.count++] = std::move(*file);
  }
  return {};
}

/// What a message's control data asks to be passed; nothing is no error.
Result<fs::PassedFilesPtr> read_control(const Message& message) {
  constexpr u64 kMostControl = 128 * 1024;
  if (message.control_size > kMostControl) return err(Errno::kNOBUFS);
  fs::PassedFilesPtr files;
  u64 left = message.control_size;
  for (u64 at = message.control; left >= sizeof(ControlHead);) {
    const auto head = read_user<ControlHead>(at);
    if (!head) return err(head.error());
    if (head->size < sizeof(ControlHead) || head->size > left) return err(Errno::kINVAL);
    if (head->level == kSocketLevel) {
      if (head->type != kRights) return err(Errno::kINVAL);
      if (!files) files = fs::PassedFilesPtr::adopt(mm::knew<fs::PassedFiles>());
      if (!files) return err(Errno::kNOMEM);
      RUNNEL_TRY(add_files(*files, at + sizeof *head, head->size - sizeof *head));
    }
    const u64 step = std::min(align_up(head->size, sizeof(u64)), left);
    at += step;
    left -= step;
  }
  if (files && files->count == 0) files.reset();
  return files;
}

/// New descriptors for what came, as many as there is room for; the message says how many and whether these
/// are all.
Result<> write_control(Message& message, const fs::PassedFilesPtr& files, u32 open_flags) {
  const u64 room = std::exchange(message.control_size, 0);
  if (!files) return {};
  const u64 most = room < sizeof(ControlHead) ? 0 : (room - sizeof(ControlHead)) / sizeof(i32);
  u32 count = 0;
  for (; count < files->count && count < most; ++count) {
    const auto fd = my_files().reserve(on_exec_of(open_flags), descriptor_limit());
    if (!fd) break;
    if (!write_user(message.control + sizeof(ControlHead) + count * sizeof(i32), *fd)) {
      my_files().cancel(*fd);
      break;
    }
    my_files().commit(*fd, files->files[count]);
  }
  if (count < files->count) message.flags |= fs::kMsgControlTruncated;
  if (count == 0) return {};
  const ControlHead head{sizeof(ControlHead) + count * sizeof(i32), kSocketLevel, kRights};
  message.control_size = std::min(align_up(head.size, sizeof(u64)), room);
  return write_user(message.control, head);
}

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
  return to_syscall(fs::SocketFile::from(**file)->send(buffer, flags, {}));
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
  UserRanges ranges;
  if (const auto read = ranges.read(message->ranges, message->nr_ranges); !read)
    return negative(read.error());
  auto files = read_control(*message);
  if (!files) return negative(files.error());
  if (message->name != 0) return negative(Errno::kISCONN);
  fs::IoBuffer buffer(ranges.get(), fs::IoSpace::kUser);
  return to_syscall(fs::SocketFile::from(**file)->send(buffer, flags, std::move(*files)));
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
  message->flags = received->flags | (flags & kCloseDescriptors);
  const u32 open_flags = (flags & kCloseDescriptors) != 0 ? u32{fs::kCloseOnExec} : 0;
  if (const auto told = write_control(*message, received->files, open_flags); !told)
    return negative(told.error());
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
  constexpr i32 kType = 3, kError = 4, kSendSize = 7, kReceiveSize = 8, kAccepts = 30, kProtocol = 38,
                kDomain = 39;
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
  const auto file = find_socket(fd);
  if (!file) return negative(file.error());
  return level == kSocketLevel ? 0 : negative(Errno::kNOPROTOOPT); // sizes and the like: without effect
}

} // namespace runnel::user
