// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/path_text.hpp"

#include <algorithm>

namespace runnel::fs {

Result<> PathText::prepend(std::string_view path) {
  if (path.empty()) return err(Errno::kNOENT);
  // What is left begins with its slash, or is empty: nothing to put between.
  if (path.size() > at_) return err(Errno::kNAMETOOLONG);
  at_ -= path.size();
  std::copy(path.begin(), path.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  absolute_ = path.front() == '/';
  return {};
}

void PathText::skip_slashes() {
  while (at_ < buffer_.size() && buffer_[at_] == '/') ++at_;
}

PathText::Component PathText::next() {
  skip_slashes();
  const std::string_view all = rest();
  const std::string_view name = all.substr(0, all.find('/'));
  at_ += name.size();
  const std::string_view after = rest();
  return {name, after.find_first_not_of('/') == std::string_view::npos, !after.empty()};
}

} // namespace runnel::fs
