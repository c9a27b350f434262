// SPDX-License-Identifier: Apache-2.0
// Written as text, event by event: a tree of a hundred thousand events would take hundreds of megabytes.
#include "qemu/trace/chrome.hpp"

#include "qemu/trace/names.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace runnel::qemu {
namespace {

using trace::EventType;

// Chrome's "processes". Not 0: viewers take that for the idle process.
constexpr u32 kCpus = 1, kThreads = 2;

std::string us(u64 ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); }

class Writer {
 public:
  Writer(const TraceLog& log, const Timeline& line) : log_(log), line_(line) {}

  std::string text() {
    tracks();
    for (const Slice& slice : line_.slices)
      if (slice.pid != 0) ran(slice); // an idle CPU stays white
    for (const Wait& wait : line_.waits)
      complete(kThreads, wait.pid, "runnable", wait.start_ns, wait.end_ns,
               fmt::format(R"({{"since":"{}"}})", wait.woken ? "woken" : "preempted or yielded"));
    for (const Interrupt& irq : line_.interrupts)
      complete(kCpus, irq.cpu, interrupt_name(irq.kind, irq.number), irq.start_ns, irq.end_ns, "{}");
    for (std::size_t i = 0; i < line_.wakeups.size(); ++i)
      if (line_.wakeups[i].ran()) arrow(line_.wakeups[i], i);
    for (const Mark& mark : line_.marks) instant(mark);
    for (const Mark& account : line_.accounts) instant(account);
    std::string lost;
    for (const auto& [cpu, n] : log_.lost)
      lost += fmt::format("{}cpu {}: {}", lost.empty() ? "" : ", ", cpu, n);
    if (!lost.empty())
      add(fmt::format(R"("name":"events before this were lost","ph":"i","s":"g","pid":{},"tid":0,"ts":{})",
                      kCpus, us(log_.complete_from_ns)));
    return fmt::format(R"({{"traceEvents":[{}
],"displayTimeUnit":"ns","otherData":{{"tool":"runnel","lost events":{}}}}}
)",
                       out_, json_quote(lost.empty() ? "none" : lost));
  }

 private:
  void add(const std::string& members) {
    out_ += out_.empty() ? "\n{" : ",\n{";
    out_ += members;
    out_ += '}';
  }

  std::string label(u32 pid) const {
    if ((pid & kServerPid) != 0) return "server";
    if (pid == 0) return "idle";
    const auto known = log_.names.find(pid);
    return fmt::format("{}/{}", known != log_.names.end() ? known->second : "?", pid);
  }

  void meta(const char* what, u32 process, u32 track, const std::string& args) {
    add(fmt::format(R"("name":"{}","ph":"M","pid":{},"tid":{},"args":{{{}}})", what, process, track, args));
  }

  void tracks() {
    meta("process_name", kCpus, 0, R"("name":"CPUs")");
    meta("process_name", kThreads, 0, R"("name":"Threads")");
    for (const u32 cpu : line_.cpus) {
      meta("thread_name", kCpus, cpu, fmt::format(R"("name":"cpu {}")", cpu));
      meta("thread_sort_index", kCpus, cpu, fmt::format(R"("sort_index":{})", cpu));
    }
    for (const u32 pid : line_.pids) {
      meta("thread_name", kThreads, pid, fmt::format(R"("name":{})", json_quote(label(pid))));
      meta("thread_sort_index", kThreads, pid, fmt::format(R"("sort_index":{})", pid));
    }
  }

  void complete(u32 process, u32 track, std::string_view name, u64 start_ns, u64 end_ns,
                std::string_view args) {
    add(fmt::format(R"("name":{},"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"args":{})", json_quote(name),
                    process, track, us(start_ns), us(end_ns - start_ns), args));
  }

  void ran(const Slice& slice) {
    const ReasonName& why = name_of(slice.reason);
    const std::string values = slice.has_values ? values_of(slice.reason, slice.a, slice.b) : std::string{};
    std::string args = fmt::format(R"({{"prio":{},"picked":{},"because":{})", slice.prio,
                                   json_quote(why.name), json_quote(why.why));
    if (!values.empty()) args += fmt::format(R"(,"values":{})", json_quote(values));
    if (slice.end_state) args += fmt::format(R"(,"left in state":"{}")", state_letters(*slice.end_state));
    args += '}';
    complete(kCpus, slice.cpu, label(slice.pid), slice.start_ns, slice.end_ns, args);
    complete(kThreads, slice.pid, fmt::format("on cpu {}", slice.cpu), slice.start_ns, slice.end_ns, args);
  }

  void arrow(const Wakeup& wakeup, std::size_t id) {
    const char* name = wakeup.first ? "first wake-up" : "wake-up";
    add(fmt::format(R"("name":"{}","cat":"wakeup","ph":"s","id":{},"pid":{},"tid":{},"ts":{})", name, id,
                    kCpus, wakeup.waker_cpu, us(wakeup.waking_ns)));
    add(fmt::format(R"("name":"{}","cat":"wakeup","ph":"f","bp":"e","id":{},"pid":{},"tid":{},"ts":{})", name,
                    id, kCpus, wakeup.run_cpu, us(wakeup.run_ns)));
  }

  void instant(const Mark& mark) {
    const trace::Event& e = mark.event;
    // A thread's own affairs stand on its track, in red when a deadline was missed; the rest on the CPU's.
    const bool miss = e.type == EventType::kDeadlineMiss;
    const bool own = miss || e.type == EventType::kMark || e.type == EventType::kSchedStatRuntime;
    std::string name = name_of(e.type);
    if (e.type == EventType::kMark) name += fmt::format(" {}", e.a);
    const EventName& words = words_of(e.type);
    const auto [a, b] = plain_values(e);
    std::string args = fmt::format(R"({{"thread":{})", json_quote(label(e.pid)));
    for (const auto& [field, value] : {std::pair(words.a, a), std::pair(words.b, b)})
      if (field.unit != Unit::kNothing)
        args += fmt::format(",{}:{}", json_quote(field.label), json_quote(show(field.unit, value)));
    args += '}';
    add(fmt::format(R"("name":{},"ph":"i","s":"t",{}"pid":{},"tid":{},"ts":{},"args":{})", json_quote(name),
                    miss ? R"("cname":"terrible",)" : "", own ? kThreads : kCpus, own ? e.pid : e.cpu,
                    us(e.time_ns), args));
  }

  const TraceLog& log_;
  const Timeline& line_;
  std::string out_;
};

} // namespace

std::string json_quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_chrome_json(const TraceLog& log, const Timeline& line) { return Writer(log, line).text(); }

} // namespace runnel::qemu
