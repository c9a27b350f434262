// SPDX-License-Identifier: Apache-2.0
#include "qemu/qmp.hpp"

#include "qemu/process.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>

namespace runnel::qemu {

Qmp::Qmp(UniqueFd fd) : fd_(std::move(fd)) {
  ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  send({{"execute", "qmp_capabilities"}, {"id", 0}});
}

void Qmp::send(const Json& object) {
  const std::string text = object.dump() + "\n";
  // Commands are short and QEMU reads: a socket buffer that is full means that it does not.
  if (::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error(fmt::format("QMP: {}", std::strerror(errno)));
}

void Qmp::take_line(std::string_view line) {
  Json object = Json::parse(line, nullptr, false);
  if (object.is_discarded() || !object.is_object()) return;
  if (object.contains("event"))
    events_.push_back(std::move(object));
  else if (object.contains("id"))
    answers_.push_back(std::move(object));
}

bool Qmp::pump() {
  const bool open = read_available(fd_.get(), buffer_);
  for (std::size_t end = 0; (end = buffer_.find('\n')) != std::string::npos;) {
    take_line(std::string_view(buffer_).substr(0, end));
    buffer_.erase(0, end + 1);
  }
  return open;
}

Qmp::Json Qmp::execute(std::string_view command, const Json& arguments, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const unsigned id = next_id_++;
  Json request = {{"execute", command}, {"id", id}};
  if (!arguments.empty()) request["arguments"] = arguments;
  send(request);
  const auto deadline = Clock::now() + limit;
  for (bool open = true; open;) {
    open = pump();
    while (!answers_.empty()) {
      const Json answer = std::move(answers_.front());
      answers_.pop_front();
      if (answer["id"] != id) continue; // qmp_capabilities, or one that was given up
      if (answer.contains("error"))
        throw std::runtime_error(
            fmt::format("QMP: {}: {}", command, answer["error"].value("desc", "refused")));
      return answer.value("return", Json());
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) throw std::runtime_error(fmt::format("QMP: {}: no answer in time", command));
    pollfd wait = {fd_.get(), POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(std::min<long>(left, 1000)));
  }
  throw std::runtime_error(fmt::format("QMP: {}: QEMU is gone", command));
}

std::string Qmp::monitor(const std::string& command) {
  return execute("human-monitor-command", {{"command-line", command}}).get<std::string>();
}

Qmp::Json Qmp::next_event() {
  if (events_.empty()) return nullptr;
  Json event = std::move(events_.front());
  events_.pop_front();
  return event;
}

} // namespace runnel::qemu
