// SPDX-License-Identifier: Apache-2.0
#include "qemu/trace/page.hpp"

#include "qemu/trace/chrome.hpp"
#include "qemu/trace/names.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace runnel::qemu {
namespace {

/// Numbers of seven bits a byte, low ones first, then base64.
class Packer {
 public:
  void put(u64 value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }
  /// The sign in the lowest bit. The page computes in doubles: what they cannot hold exactly is cut.
  void put_signed(i64 value) {
    constexpr i64 kLargest = i64{1} << 52;
    value = std::clamp(value, -kLargest, kLargest);
    put(value < 0 ? static_cast<u64>(-value) * 2 - 1 : static_cast<u64>(value) * 2);
  }

  std::string base64() const {
    static constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes_.size(); i += 3) {
      const std::size_t n = std::min<std::size_t>(3, bytes_.size() - i);
      u32 bits = 0;
      for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < n ? static_cast<u8>(bytes_[i + k]) : 0u);
      for (std::size_t k = 0; k < 4; ++k) out += k <= n ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return out;
  }

 private:
  std::string bytes_;
};

/// A table, column after column: each is one call of its function a row.
template <typename T, typename... Column> std::string table(const std::vector<T>& rows, Column... column) {
  Packer packer;
  const auto put_column = [&](auto& put) {
    for (const T& row : rows) put(packer, row);
  };
  (put_column(column), ...);
  return fmt::format(R"({{"count":{},"bytes":"{}"}})", rows.size(), packer.base64());
}

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("[{}]", fmt::join(parts, ","));
}

std::string field(const FieldName& name) {
  return fmt::format(R"({{"label":{},"unit":"{}"}})", json_quote(name.label), to_string(name.unit));
}

/// A ReasonName or an EventName.
std::string words(std::string_view name, std::string_view what, const FieldName& a, const FieldName& b) {
  return fmt::format(R"({{"name":{},"what":{},"a":{},"b":{}}})", json_quote(name), json_quote(what), field(a),
                     field(b));
}

class Page {
  /// A column of ascending times: each as its distance from the one before, the first from the trace's start.
  auto times(auto time_of) const {
    return [time_of, last = line_.start_ns](Packer& to, const auto& row) mutable {
      to.put(time_of(row) - last);
      last = time_of(row);
    };
  }

 public:
  Page(const TraceLog& log, const Timeline& line) : log_(log), line_(line) {
    for (std::size_t i = 0; i < line.pids.size(); ++i) thread_of_[line.pids[i]] = i + 1;
  }

  std::string about(std::span<const Violation> violations, std::string_view title) const {
    std::vector<std::string> threads = {R"({"name":"idle","pid":0})"}, lost, problems;
    for (const u32 pid : line_.pids)
      threads.push_back(fmt::format(R"({{"name":{},"pid":{}}})", json_quote(log_.name_of(pid, 0)), pid));
    for (const auto& [cpu, n] : log_.lost) lost.push_back(fmt::format(R"({{"cpu":{},"count":{}}})", cpu, n));
    for (const Violation& v : violations)
      problems.push_back(fmt::format(R"({{"time":{},"rule":"{}","text":{}}})", since_start(v.time_ns),
                                     to_string(v.rule), json_quote(v.text)));
    return fmt::format(
        R"({{"title":{},"span":{},"eventCount":{},"cpus":[{}],"completeFrom":{},"lost":{},"violations":{},
"threads":{},
"states":{},"interruptNames":{},
"reasons":{},"unknownReason":{},
"events":{},"unknownEvent":{}}})",
        json_quote(title), line_.end_ns - line_.start_ns, log_.events.size(), fmt::join(line_.cpus, ","),
        since_start(log_.complete_from_ns), joined(lost), joined(problems), joined(threads), states(),
        joined(interrupt_names_), reasons(), words(trace::PickReason{~0u}), events(),
        words(trace::EventType{0xffff}));
  }

  std::string slices() const {
    return table(
        line_.slices, times([](const Slice& s) { return s.start_ns; }),
        [](Packer& to, const Slice& s) { to.put(s.end_ns - s.start_ns); },
        [](Packer& to, const Slice& s) { to.put(s.cpu); },
        [this](Packer& to, const Slice& s) { to.put(thread(s.pid)); },
        [](Packer& to, const Slice& s) { to.put_signed(s.prio); },
        [](Packer& to, const Slice& s) { to.put(std::min<u32>(static_cast<u32>(s.reason), 0xffff)); },
        [](Packer& to, const Slice& s) { to.put_signed(s.end_state ? i64{*s.end_state} : -1); },
        [](Packer& to, const Slice& s) { to.put(s.has_values ? 1 : 0); },
        [this](Packer& to, const Slice& s) { to.put_signed(value(name_of(s.reason).a.unit, s.a)); },
        [this](Packer& to, const Slice& s) { to.put_signed(value(name_of(s.reason).b.unit, s.b)); });
  }

  std::string wakeups() const {
    return table(
        line_.wakeups, times([](const Wakeup& w) { return w.waking_ns; }),
        [this](Packer& to, const Wakeup& w) { to.put(thread(w.pid)); },
        [](Packer& to, const Wakeup& w) { to.put(w.waker_cpu); },
        [this](Packer& to, const Wakeup& w) { to.put(thread(w.waker_pid)); },
        [](Packer& to, const Wakeup& w) {
          to.put((w.by_interrupt ? 1u : 0u) | (w.first ? 2u : 0u) | (w.ran() ? 4u : 0u));
        },
        [](Packer& to, const Wakeup& w) { to.put(w.ran() ? w.latency_ns() : 0); },
        [](Packer& to, const Wakeup& w) { to.put(w.ran() ? w.run_cpu : w.target_cpu); });
  }

  std::string waits() const {
    return table(
        line_.waits, times([](const Wait& w) { return w.start_ns; }),
        [](Packer& to, const Wait& w) { to.put(w.end_ns - w.start_ns); },
        [this](Packer& to, const Wait& w) { to.put(thread(w.pid)); },
        [](Packer& to, const Wait& w) { to.put(w.woken ? 1 : 0); });
  }

  /// Fills interrupt_names_ as it goes: before about().
  std::string interrupts() {
    std::map<std::string, u64> index;
    return table(
        line_.interrupts, times([](const Interrupt& i) { return i.start_ns; }),
        [](Packer& to, const Interrupt& i) { to.put(i.end_ns - i.start_ns); },
        [](Packer& to, const Interrupt& i) { to.put(i.cpu); },
        [&](Packer& to, const Interrupt& i) {
          const std::string name = interrupt_name(i.kind, i.number);
          const auto [known, added] = index.try_emplace(name, index.size());
          if (added) interrupt_names_.push_back(json_quote(name));
          to.put(known->second);
        });
  }

  std::string marks() const {
    return table(
        line_.marks, times([](const Mark& m) { return m.event.time_ns; }),
        [](Packer& to, const Mark& m) { to.put(static_cast<u64>(m.event.type)); },
        [](Packer& to, const Mark& m) { to.put(m.event.cpu); },
        [this](Packer& to, const Mark& m) { to.put(thread(m.event.pid)); },
        [this](Packer& to, const Mark& m) {
          to.put_signed(value(words_of(m.event.type).a.unit, plain_values(m.event).first));
        },
        [this](Packer& to, const Mark& m) {
          to.put_signed(value(words_of(m.event.type).b.unit, plain_values(m.event).second));
        });
  }

 private:
  u64 since_start(u64 ns) const { return ns > line_.start_ns ? ns - line_.start_ns : 0; }
  i64 value(Unit unit, u64 raw) const {
    return static_cast<i64>(unit == Unit::kInstant ? raw - line_.start_ns : raw);
  }
  /// 0: idle, or no thread at all (a server).
  u64 thread(u32 pid) const {
    const auto known = thread_of_.find(pid);
    return known != thread_of_.end() ? known->second : 0;
  }

  static std::string words(trace::PickReason reason) {
    const ReasonName& name = name_of(reason);
    return qemu::words(name.name, name.why, name.a, name.b);
  }
  static std::string words(trace::EventType type) {
    const EventName& name = words_of(type);
    return qemu::words(name.name, name.what, name.a, name.b);
  }
  static std::string reasons() {
    std::vector<std::string> all;
    for (u32 i = 0; i < kReasons; ++i) all.push_back(words(static_cast<trace::PickReason>(i)));
    return joined(all);
  }
  static std::string events() {
    std::vector<std::string> all;
    for (u32 i = 0; i < kEvents; ++i) all.push_back(words(static_cast<trace::EventType>(i)));
    return joined(all);
  }
  /// Those that occur.
  std::string states() const {
    std::set<u32> seen;
    for (const Slice& s : line_.slices)
      if (s.end_state) seen.insert(*s.end_state);
    std::vector<std::string> all;
    for (const u32 state : seen)
      all.push_back(fmt::format(R"({{"value":{},"letters":"{}","meaning":"{}"}})", state,
                                state_letters(state), state_meaning(state)));
    return joined(all);
  }

  const TraceLog& log_;
  const Timeline& line_;
  std::map<u32, u64> thread_of_; // pid -> index among the page's threads
  std::vector<std::string> interrupt_names_;
};

/// Everywhere; what is put in is not looked at again.
void replace(std::string& text, std::string_view mark, std::string_view by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '{')
      out += fmt::format("&#{};", static_cast<int>(c));
    else
      out += c;
  return out;
}

} // namespace

std::string pack_trace(const TraceLog& log, const Timeline& line, std::span<const Violation> violations,
                       std::string_view title) {
  Page page(log, line);
  const std::string interrupts = page.interrupts();
  const std::string json = fmt::format(
      "{{\"about\":{},\n\"slices\":{},\n\"wakeups\":{},\n\"waits\":{},\n\"interrupts\":{},\n\"marks\":{}}}",
      page.about(violations, title), page.slices(), page.wakeups(), page.waits(), interrupts, page.marks());
  std::string out;
  for (const char c : json)
    if (c == '<')
      out += "\\u003c"; // only strings hold it
    else
      out += c;
  return out;
}

std::string to_page(const TraceLog& log, const Timeline& line, std::span<const Violation> violations,
                    std::string_view title) {
  std::string out(view::page_html);
  // The trace last, so that nothing in it is taken for a mark.
  replace(out, "{{style}}", view::view_css);
  std::string script;
  for (const std::string_view part : {view::format_js, view::data_js, view::geometry_js, view::draw_js,
                                      view::panel_js, view::search_js, view::main_js})
    script += part;
  replace(out, "{{script}}", script);
  replace(out, "{{title}}", escape_html(title));
  replace(out, "{{trace}}", pack_trace(log, line, violations, title));
  return out;
}

} // namespace runnel::qemu
