// SPDX-License-Identifier: Apache-2.0
// A headless Chromium, driven through its debugging pipe: pages are opened, and used with real input events.
#pragma once

#include "qemu/files.hpp"
#include "qemu/process.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::e2e {

class Browser {
 public:
  using Json = nlohmann::json;

  /// Chromium is installed.
  static bool available();
  /// Starts it with one empty page of this size. Throws std::runtime_error when it does not answer.
  Browser(int width, int height);
  ~Browser();

  /// Loads a file and waits until it has been drawn once.
  void open(const qemu::fs::path& file);
  /// The value of a JavaScript expression (awaited when it is a promise). Throws when it throws.
  Json evaluate(const std::string& expression);
  /// The visible text of the first element that matches.
  std::string text(const std::string& selector);
  /// Whether it is there and can be seen.
  bool shows(const std::string& selector);
  double number(const std::string& expression) { return evaluate(expression).get<double>(); }

  // Input, in CSS pixels from the page's top left. All of these return after the page has drawn again.
  void move(double x, double y);
  void click(double x, double y, int times = 1);
  void click(const std::string& selector);
  enum class Shift { kOff, kOn };
  void drag(double x1, double y1, double x2, double y2, Shift shift = Shift::kOff);
  void wheel(double x, double y, double delta, Shift shift = Shift::kOff);
  /// A key by its DOM name: "w", "Enter", "ArrowLeft".
  void key(const std::string& name);
  void type(const std::string& text);

  /// What the system prefers: "dark" or "light".
  void prefer(const std::string& scheme);
  /// A PNG of the page.
  std::string screenshot();
  /// Exceptions and console errors so far.
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  Json call(const std::string& method, Json parameters = Json::object());
  Json next_message();
  void note(const Json& message);
  void mouse(const char* what, double x, double y, Json more = Json::object());
  void drawn();

  qemu::TempFolder profile_;
  qemu::Process process_;
  std::string unread_, session_;
  int last_id_ = 0;
  std::vector<std::string> errors_;
};

} // namespace runnel::e2e
