// SPDX-License-Identifier: Apache-2.0
#include "qemu/exec/input.hpp"

#include "boot/boot_info.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace runnel::qemu {
namespace {

constexpr char kCtrlA = 1;

bool is_null(const struct stat& file) {
  constexpr unsigned kMemoryDevices = 1, kNull = 3;
  return S_ISCHR(file.st_mode) && major(file.st_rdev) == kMemoryDevices && minor(file.st_rdev) == kNull;
}

} // namespace

std::string encode_input(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out.append(c == boot::kInputEscape ? 2 : 1, c);
  return out;
}

std::string encode_input_end() { return {boot::kInputEscape, boot::kInputEnd}; }

std::string_view input_kind() {
  struct stat file = {};
  if (::fstat(STDIN_FILENO, &file) != 0 || is_null(file)) return "";
  return ::isatty(STDIN_FILENO) == 1 ? "terminal" : "pipe";
}

GuestInput::GuestInput(int to) : to_(to) {
  ::fcntl(to_, F_SETFL, ::fcntl(to_, F_GETFL) | O_NONBLOCK);
  termios now = {};
  if (::isatty(STDIN_FILENO) != 1 || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
  old_ = now;
  ::cfmakeraw(&now);
  now.c_oflag = old_->c_oflag; // line ends are still turned into what the terminal wants
  ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

GuestInput::~GuestInput() {
  if (old_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*old_);
}

void GuestInput::prepare(pollfd& ours, pollfd& theirs) const {
  ours = {open_ && pending_.empty() ? STDIN_FILENO : -1, POLLIN, 0};
  theirs = {pending_.empty() ? -1 : to_, POLLOUT, 0};
}

bool GuestInput::take(std::string_view bytes) {
  if (!old_) {
    pending_ += encode_input(bytes);
    return true;
  }
  for (const char key : bytes) {
    if (!escape_ && key == kCtrlA) {
      escape_ = true;
      continue;
    }
    if (escape_ && key == 'x') return false;
    escape_ = false;
    pending_ += encode_input({&key, 1});
  }
  return true;
}

bool GuestInput::pump(const pollfd& ours, const pollfd& theirs) {
  if (ours.revents != 0) {
    char buffer[4096];
    const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (n > 0) {
      if (!take({buffer, static_cast<std::size_t>(n)})) return false;
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      open_ = false;
      pending_ += encode_input_end();
    }
  }
  if (theirs.revents != 0 && !pending_.empty()) {
    const ssize_t n = ::write(to_, pending_.data(), pending_.size());
    if (n > 0)
      pending_.erase(0, static_cast<std::size_t>(n));
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
      open_ = false, pending_.clear(); // the guest is gone
  }
  return true;
}

} // namespace runnel::qemu
