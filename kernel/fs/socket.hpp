// SPDX-License-Identifier: Apache-2.0
// Connected pairs of unix sockets: a stream of bytes, or packets, each way.
#pragma once

#include "kernel/fs/passed_files.hpp"

namespace runnel::fs {

enum class SocketType : u32 { kStream = 1, kDatagram = 2, kSeqPacket = 5 };

/// Flags of send and recv.
enum MessageFlag : u32 {
  kMsgPeek = 2,
  kMsgControlTruncated = 8,
  kMsgTruncated = 0x20,
  kMsgDontWait = 0x40,
  kMsgWaitAll = 0x100,
  kMsgNoSignal = 0x4000,
};
enum class Shutdown : u32 { kRead = 0, kWrite = 1, kBoth = 2 };

class SocketFile : public File {
 public:
  FileKind kind() const final { return FileKind::kSocket; }
  static SocketFile* from(File& file) {
    return file.kind() == FileKind::kSocket ? static_cast<SocketFile*>(&file) : nullptr;
  }

  virtual SocketType type() const = 0;
  /// kPIPE (and SIGPIPE unless kMsgNoSignal), kAGAIN, kMSGSIZE, kRESTARTSYS, kOPNOTSUPP: unknown flags.
  /// `files` go with the first bytes; with none, of a stream, nowhere.
  virtual Result<usize> send(IoBuffer& from, u32 flags, PassedFilesPtr files) = 0;
  struct Received {
    usize size = 0;
    u32 flags = 0; // kMsgTruncated
    PassedFilesPtr files{};
  };
  virtual Result<Received> receive(IoBuffer& to, u32 flags) = 0;
  virtual void shutdown(Shutdown how) = 0;

 protected:
  explicit SocketFile(u32 flags) : File(kReadWrite | flags) {}
};

struct SocketPair {
  FilePtr a, b;
};
/// `flags`: kNonBlock. kNOMEM.
Result<SocketPair> create_socket_pair(SocketType type, u32 flags);

} // namespace runnel::fs
