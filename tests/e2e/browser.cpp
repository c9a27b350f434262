// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/browser.hpp"

#include "qemu/process.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>

namespace runnel::e2e {
namespace {

constexpr const char* kProgram = "chromium";
constexpr int kAnswerMs = 60'000; // a loaded host may take long to start it

std::string decode_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

qemu::Process start(const qemu::fs::path& profile, int width, int height) {
  // It reads commands from descriptor 3 and answers on 4: the two pipes that are its standard streams for us.
  // The page is our own file, and the sandbox wants rights that containers do not give.
  const std::string command =
      fmt::format("exec {} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
                  "--disable-extensions --hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe "
                  "--user-data-dir={} --window-size={},{} about:blank 3<&0 4>&1 </dev/null >/dev/null",
                  kProgram, profile.string(), width, height);
  return qemu::Process::spawn(
      {.argv = {"sh", "-c", command},
       .in = qemu::Stream::kPipe,
       .out = qemu::Stream::kPipe,
       .err = qemu::Stream::kNull,
       .environment = {{"TMPDIR", profile.string()}}}); // what it leaves goes with the profile
}

} // namespace

bool Browser::available() {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path != nullptr ? path : ""; !rest.empty();) {
    const auto end = rest.find(':');
    const qemu::fs::path program = qemu::fs::path(rest.substr(0, end)) / kProgram;
    if (::access(program.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return false;
}

Browser::Browser(int width, int height) : process_(start(profile_.path(), width, height)) {
  const Json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ =
      call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})["sessionId"];
  call("Page.enable");
  call("Runtime.enable");
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}});
  prefer("light");
}

Browser::~Browser() = default; // the process goes with its group

Browser::Json Browser::next_message() {
  for (;;) {
    if (const auto end = unread_.find('\0'); end != std::string::npos) {
      const Json message = Json::parse(unread_.substr(0, end));
      unread_.erase(0, end + 1);
      return message;
    }
    pollfd waiting{process_.out().get(), POLLIN, 0};
    if (::poll(&waiting, 1, kAnswerMs) != 1) throw std::runtime_error("the browser does not answer");
    if (!qemu::read_available(process_.out().get(), unread_))
      throw std::runtime_error("the browser has ended");
  }
}

Browser::Json Browser::call(const std::string& method, Json parameters) {
  Json message = {{"id", ++last_id_}, {"method", method}, {"params", std::move(parameters)}};
  if (!session_.empty()) message["sessionId"] = session_;
  std::string bytes = message.dump();
  bytes += '\0';
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t n = ::write(process_.in().get(), rest.data(), rest.size());
    if (n < 0) throw std::runtime_error("the browser takes no commands");
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  for (;;) {
    const Json answer = next_message();
    if (answer.value("id", 0) != last_id_) {
      note(answer);
      continue;
    }
    if (answer.contains("error")) throw std::runtime_error(method + ": " + answer["error"].dump());
    return answer["result"];
  }
}

void Browser::note(const Json& message) {
  const std::string method = message.value("method", "");
  if (method == "Runtime.exceptionThrown") errors_.push_back(message["params"].dump());
  if (method == "Runtime.consoleAPICalled" && message["params"]["type"] == "error")
    errors_.push_back(message["params"].dump());
}

Browser::Json Browser::evaluate(const std::string& expression) {
  const Json answer =
      call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (answer.contains("exceptionDetails"))
    throw std::runtime_error(expression + ": " + answer["exceptionDetails"].dump());
  return answer["result"].contains("value") ? answer["result"]["value"] : Json();
}

void Browser::drawn() {
  evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
}

void Browser::open(const qemu::fs::path& file) {
  call("Page.navigate", {{"url", "file://" + qemu::fs::absolute(file).string()}});
  // The answer may come before the page's own scripts have run.
  evaluate("new Promise((done) => document.readyState === 'complete' ? done(0) : addEventListener('load', () "
           "=> done(0)))");
  drawn();
}

std::string Browser::text(const std::string& selector) {
  const Json value = evaluate(fmt::format("document.querySelector({})?.innerText ?? null", quoted(selector)));
  return value.is_string() ? value.get<std::string>() : std::string{};
}

bool Browser::shows(const std::string& selector) {
  return evaluate(fmt::format("document.querySelector({})?.checkVisibility() ?? false", quoted(selector)))
      .get<bool>();
}

void Browser::mouse(const char* what, double x, double y, Json more) {
  more.update({{"type", what}, {"x", x}, {"y", y}});
  call("Input.dispatchMouseEvent", std::move(more));
}

void Browser::move(double x, double y) {
  mouse("mouseMoved", x, y);
  drawn();
}

void Browser::click(double x, double y, int times) {
  mouse("mouseMoved", x, y);
  for (int i = 1; i <= times; ++i) {
    mouse("mousePressed", x, y, {{"button", "left"}, {"clickCount", i}});
    mouse("mouseReleased", x, y, {{"button", "left"}, {"clickCount", i}});
  }
  drawn();
}

void Browser::click(const std::string& selector) {
  const Json box =
      evaluate(fmt::format("(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: "
                           "'nearest'}}); const b = e.getBoundingClientRect(); "
                           "return [b.x + b.width / 2, b.y + b.height / 2]; }})()",
                           quoted(selector)));
  click(box[0].get<double>(), box[1].get<double>());
}

void Browser::drag(double x1, double y1, double x2, double y2, Shift shift) {
  const int modifiers = shift == Shift::kOn ? 8 : 0;
  const Json held = {{"button", "left"}, {"buttons", 1}, {"clickCount", 1}, {"modifiers", modifiers}};
  mouse("mouseMoved", x1, y1);
  mouse("mousePressed", x1, y1, held);
  for (const double part : {0.3, 0.7, 1.0})
    mouse("mouseMoved", x1 + (x2 - x1) * part, y1 + (y2 - y1) * part, held);
  mouse("mouseReleased", x2, y2, held);
  drawn();
}

void Browser::wheel(double x, double y, double delta, Shift shift) {
  mouse("mouseWheel", x, y, {{"deltaX", 0}, {"deltaY", delta}, {"modifiers", shift == Shift::kOn ? 8 : 0}});
  drawn();
}

void Browser::key(const std::string& name) {
  Json event = {{"key", name}};
  if (name.size() == 1) event["text"] = name;
  if (name == "Enter") event["text"] = "\r";
  event["type"] = "keyDown";
  call("Input.dispatchKeyEvent", event);
  event["type"] = "keyUp";
  event.erase("text");
  call("Input.dispatchKeyEvent", event);
  drawn();
}

void Browser::type(const std::string& text) {
  call("Input.insertText", {{"text", text}});
  drawn();
}

void Browser::prefer(const std::string& scheme) {
  call("Emulation.setEmulatedMedia",
       {{"features", Json::array({{{"name", "prefers-color-scheme"}, {"value", scheme}}})}});
}

std::string Browser::screenshot() {
  return decode_base64(call("Page.captureScreenshot", {{"format", "png"}})["data"].get<std::string>());
}

} // namespace runnel::e2e
