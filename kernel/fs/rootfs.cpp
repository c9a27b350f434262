// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/rootfs.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/fs/device.hpp"
#include "kernel/fs/pseudo.hpp"
#include "kernel/fs/vfs.hpp"
#include "kernel/user/proc/procfs.hpp"

namespace runnel::fs {

namespace {

constinit Tmpfs* root_fs = nullptr;
constinit Tmpfs* shm_fs = nullptr;

std::string_view plain(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  while (name.starts_with('/')) name.remove_prefix(1);
  return name;
}

Result<> make_parents(const WalkBase& base, std::string_view name) {
  for (usize at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
    const Result<> made = make_node(base, name.substr(0, at), kTypeDirectory | 0755, 0);
    if (!made && made.error() != Errno::kEXIST) return made;
  }
  return {};
}

Result<> write_file(const WalkBase& base, std::string_view name, const CpioFile& member) {
  const Result<FilePtr> file =
      open(base, name, kCreate | kTruncate | kWriteOnly | kNoFollow, member.mode & 07777);
  if (!file) return err(file.error());
  IoBuffer content(member.content.data(), member.content.size());
  const Result<usize> n = (*file)->write(content);
  if (!n) return err(n.error());
  return content.empty() ? Result<>() : err(Errno::kNOSPC);
}

Result<> unpack_member(const WalkBase& base, const CpioFile& member) {
  const std::string_view name = plain(member.name);
  if (name.empty() || name == ".") return {};
  RUNNEL_TRY(make_parents(base, name));
  switch (member.mode & kTypeMask) {
  case kTypeDirectory: {
    const Result<> made = make_node(base, name, kTypeDirectory | (member.mode & 07777), 0);
    return !made && made.error() == Errno::kEXIST ? Result<>() : made;
  }
  case kTypeSymlink:
    return make_symlink(base, name,
                        {reinterpret_cast<const char*>(member.content.data()), member.content.size()});
  case kTypeRegular:
    return write_file(base, name, member);
  default: // device nodes: /dev is ours
    return {};
  }
}

/// A directory of the root, and a file system mounted on it.
Result<> mount_at(const Path& root, std::string_view name, Superblock& sb, std::string_view source) {
  const WalkBase base{root, root};
  const Result<> made = make_node(base, name, kTypeDirectory | 0755, 0);
  if (!made && made.error() != Errno::kEXIST) return made;
  const Result<Found> at = walk(base, name, kFollow | kMustBeDirectory);
  if (!at) return err(at.error());
  const auto mounted = mount(sb, at->path, source, name);
  return mounted ? Result<>() : err(mounted.error());
}

} // namespace

bool unpack(const Path& root, std::span<const std::byte> archive, Sink& why) {
  const WalkBase base{root, root};
  CpioReader reader(archive);
  for (;;) {
    const auto step = reader.next();
    if (!step) {
      format_to(why, "initrd: {} (at byte {})", step.error().what, step.error().offset);
      return false;
    }
    if (step->end) return true;
    if (const Result<> done = unpack_member(base, step->file); !done) {
      format_to(why, "initrd: {} cannot be unpacked, error {}", step->file.name, done.error());
      return false;
    }
  }
}

Result<> make_devices(const Path& dev) {
  struct Node {
    std::string_view name;
    u64 rdev;
    u32 mode;
  };
  constexpr Node kNodes[] = {{"null", kDevNull, 0666},       {"zero", kDevZero, 0666},
                             {"full", kDevFull, 0666},       {"random", kDevRandom, 0666},
                             {"urandom", kDevUrandom, 0666}, {"tty", kDevTty, 0666},
                             {"console", kDevConsole, 0600}};
  const WalkBase base{dev, dev};
  for (const Node& node : kNodes) {
    const Result<> made = make_node(base, node.name, kTypeChar | node.mode, node.rdev);
    if (!made && made.error() != Errno::kEXIST) return made;
  }
  RUNNEL_TRY(make_symlink(base, "fd", "/proc/self/fd"));
  RUNNEL_TRY(make_symlink(base, "stdin", "/proc/self/fd/0"));
  RUNNEL_TRY(make_symlink(base, "stdout", "/proc/self/fd/1"));
  return make_symlink(base, "stderr", "/proc/self/fd/2");
}

bool init_root(std::span<const std::byte> initrd, Sink& why) {
  RUNNEL_BUG_ON(root_fs != nullptr);
  root_fs = Tmpfs::create(0755);
  Tmpfs* const dev = Tmpfs::create(0755);
  Tmpfs* const tmp = Tmpfs::create(01777);
  shm_fs = Tmpfs::create(01777);
  if (root_fs == nullptr || dev == nullptr || tmp == nullptr || shm_fs == nullptr) {
    why.write("no memory for the file systems");
    return false;
  }
  const auto mounted = mount(*root_fs, {}, "rootfs", "/");
  if (!mounted) {
    why.write("no memory for the root");
    return false;
  }
  const Path root{*mounted, root_fs->root};
  set_root_path(root);
  const bool whole = initrd.empty() || unpack(root, initrd, why);
  const auto finish = [&]() -> Result<> {
    RUNNEL_TRY(mount_at(root, "/dev", *dev, "devtmpfs"));
    const Result<Found> at = walk({root, root}, "/dev", kFollow);
    if (!at) return err(at.error());
    RUNNEL_TRY(make_devices(at->path));
    RUNNEL_TRY(mount_at(root, "/dev/shm", *shm_fs, "tmpfs"));
    PseudoFs* const proc = user::create_procfs();
    PseudoFs* const sys = create_sysfs();
    if (proc == nullptr || sys == nullptr) return err(Errno::kNOMEM);
    RUNNEL_TRY(mount_at(root, "/proc", *proc, "proc"));
    RUNNEL_TRY(mount_at(root, "/sys", *sys, "sysfs"));
    return mount_at(root, "/tmp", *tmp, "tmpfs");
  };
  if (const Result<> done = finish(); !done) {
    format_to(why, "the tree of files cannot be made, error {}", done.error());
    return false;
  }
  return whole;
}

Tmpfs& shared_memory() { return *shm_fs; }

} // namespace runnel::fs
