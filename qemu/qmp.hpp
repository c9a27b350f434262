// SPDX-License-Identifier: Apache-2.0
// QEMU's machine protocol over a connected unix socket: one JSON object per line each way.
#pragma once

#include "qemu/unique_fd.hpp"

#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace runnel::qemu {

class Qmp {
 public:
  using Json = nlohmann::json;
  /// `fd` is our end of the socket. Sends qmp_capabilities at once, without waiting for the answer.
  explicit Qmp(UniqueFd fd);

  int fd() const { return fd_.get(); }
  /// Sends a command and waits for its answer; events that come meanwhile are kept. Throws std::runtime_error
  /// when QEMU refuses, does not answer in time, or is gone.
  Json execute(std::string_view command, const Json& arguments = Json::object(),
               std::chrono::milliseconds limit = std::chrono::seconds(5));
  /// A command of QEMU's human monitor; its text.
  std::string monitor(const std::string& command);
  /// Reads what has come, without waiting. False when QEMU closed the socket.
  bool pump();
  /// The oldest event not yet taken; null: none.
  Json next_event();

 private:
  void send(const Json& object);
  void take_line(std::string_view line);

  UniqueFd fd_;
  std::string buffer_;
  std::deque<Json> events_, answers_;
  unsigned next_id_ = 1;
};

} // namespace runnel::qemu
