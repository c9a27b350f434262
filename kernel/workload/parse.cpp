// SPDX-License-Identifier: Apache-2.0
// Parser of the text form. Strict: what the host's compiler does not write is refused.
#include "kernel/workload/parse.hpp"

#include <algorithm>
#include <array>

namespace runnel::workload {

namespace {

constexpr std::array<std::string_view, 6> kPolicyNames = {"other", "batch", "idle", "rr", "fifo", "deadline"};

/// What follows an event's name.
enum class Operands : u8 {
  kNone,
  kTime,
  kTimer,
  kMutex,
  kCondition,
  kConditionMutex,
  kBarrier,
  kTask,
  kSemaphore,
  kNumber,
};
struct EventForm {
  std::string_view name;
  EventKind kind;
  Operands operands;
};
constexpr std::array kForms = {
    EventForm{"run", EventKind::kRun, Operands::kTime},
    EventForm{"runtime", EventKind::kRuntime, Operands::kTime},
    EventForm{"sleep", EventKind::kSleep, Operands::kTime},
    EventForm{"timer", EventKind::kTimer, Operands::kTimer},
    EventForm{"lock", EventKind::kLock, Operands::kMutex},
    EventForm{"unlock", EventKind::kUnlock, Operands::kMutex},
    EventForm{"wait", EventKind::kWait, Operands::kConditionMutex},
    EventForm{"signal", EventKind::kSignal, Operands::kCondition},
    EventForm{"broadcast", EventKind::kBroadcast, Operands::kCondition},
    EventForm{"sync", EventKind::kSync, Operands::kConditionMutex},
    EventForm{"barrier", EventKind::kBarrier, Operands::kBarrier},
    EventForm{"suspend", EventKind::kSuspend, Operands::kNone},
    EventForm{"resume", EventKind::kResume, Operands::kTask},
    EventForm{"yield", EventKind::kYield, Operands::kNone},
    EventForm{"fork", EventKind::kFork, Operands::kTask},
    EventForm{"sem-post", EventKind::kSemPost, Operands::kSemaphore},
    EventForm{"sem-wait", EventKind::kSemWait, Operands::kSemaphore},
    EventForm{"mark", EventKind::kMark, Operands::kNumber},
    EventForm{"mem", EventKind::kMem, Operands::kNumber},
};

class Parser {
 public:
  Parser(std::string_view text, Workload& out) : text_(text), out_(out) {}

  std::expected<void, ParseError> parse() {
    header();
    while (!failed_ && next_line()) {
      const std::string_view first = word();
      if (first == "end") return end();
      if (first == "task")
        task();
      else if (first == "phase")
        phase();
      else
        event(first);
      if (!failed_ && !line_.empty()) fail("nothing more on this line", line_);
    }
    if (!failed_) fail("the line \"end\": the text is cut off");
    return std::unexpected(error_);
  }

 private:
  void fail(std::string_view what, std::string_view at = {}) {
    if (failed_) return;
    failed_ = true;
    error_ = {line_number_, what, at};
  }

  bool next_line() {
    const usize newline = text_.find('\n');
    if (newline == std::string_view::npos) return false;
    line_ = text_.substr(0, newline);
    text_.remove_prefix(newline + 1);
    ++line_number_;
    return true;
  }

  std::string_view word() {
    const usize space = std::min(line_.find(' '), line_.size());
    const std::string_view out = line_.substr(0, space);
    line_.remove_prefix(std::min(space + 1, line_.size()));
    return out;
  }

  u64 unsigned_value(std::string_view digits, u64 max, std::string_view what) {
    const std::string_view all = digits;
    const u32 base = digits.starts_with("0x") ? 16 : 10;
    if (base == 16) digits.remove_prefix(2);
    u64 value = 0;
    if (digits.empty()) fail(what, all);
    for (const char c : digits) {
      u32 digit = base;
      if (c >= '0' && c <= '9') digit = static_cast<u32>(c - '0');
      if (base == 16 && c >= 'a' && c <= 'f') digit = static_cast<u32>(c - 'a') + 10;
      if (digit >= base || value > (~u64{0} - digit) / base) return fail(what, all), 0;
      value = value * base + digit;
    }
    if (value > max) return fail(what, all), 0;
    return value;
  }

  i64 signed_value(std::string_view digits, i64 min, i64 max, std::string_view what) {
    const bool negative = digits.starts_with('-');
    const auto magnitude =
        static_cast<i64>(unsigned_value(digits.substr(negative ? 1 : 0), u64{1} << 62, what));
    const i64 value = negative ? -magnitude : magnitude;
    if (value < min || value > max) return fail(what, digits), 0;
    return value;
  }

  /// The value of the next word, which must be KEY=VALUE.
  std::string_view value_of(std::string_view key) {
    const std::string_view pair = word();
    if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=')
      return pair.substr(key.size() + 1);
    fail(key, pair);
    return "0";
  }

  u16 index(u64 limit, std::string_view what) {
    const std::string_view text = word();
    if (limit == 0) return fail(what, text), u16{0};
    return static_cast<u16>(unsigned_value(text, limit - 1, what));
  }
  u64 time() { return unsigned_value(word(), kMaxTimeNs, "a time in ns, at most one hour"); }
  i64 loop() {
    const i64 n = signed_value(value_of("loop"), kForever, i64{1} << 40, "a loop count");
    if (n == 0) fail("a loop count: -1 or from 1");
    return n;
  }
  u16 count(std::string_view key) {
    return static_cast<u16>(unsigned_value(value_of(key), kMaxObjects, "a number of objects, at most 256"));
  }

  void header() {
    if (!next_line() || word() != "runnel-workload") return fail("\"runnel-workload 2\"");
    if (unsigned_value(word(), ~u64{0}, "a version") != kFormatVersion || !line_.empty())
      return fail("version 2: host tool and kernel are of different builds");
    if (!next_line() || word() != "duration") return fail("\"duration N\"");
    out_.duration = {static_cast<i64>(time())};
    if (!next_line() || word() != "objects") return fail("\"objects ...\"");
    out_.mutexes = count("mutexes");
    out_.conditions = count("conditions");
    out_.semaphores = count("semaphores");
    out_.timers = count("timers");
    while (!failed_ && text_.starts_with("barrier-users ")) barrier_users();
  }

  void barrier_users() {
    next_line();
    word();
    if (out_.barriers == kMaxObjects) return fail("at most 256 barriers");
    // A user is a mention times its instances, so there can be more users than threads.
    out_.barrier_users[out_.barriers++] =
        static_cast<u16>(unsigned_value(word(), 0xffff, "a number of users"));
  }

  void attributes(Attributes& out) {
    while (!failed_ && !line_.empty()) {
      const std::string_view pair = line_.substr(0, line_.find(' '));
      const std::string_view key = pair.substr(0, pair.find('='));
      if (key == "cpus") {
        out.cpus = unsigned_value(value_of(key), ~u64{0}, "a mask of CPUs");
        if (out.cpus == 0) fail("a mask of CPUs, not empty", pair);
      } else if (key == "policy") {
        const auto* const it = std::ranges::find(kPolicyNames, value_of(key));
        if (it == kPolicyNames.end()) return fail("a policy", pair);
        out.has_sched = true;
        out.sched.policy = static_cast<Policy>(it - kPolicyNames.begin());
      } else if (!out.has_sched || !parameter(out.sched, key)) {
        fail("an attribute", pair);
      }
    }
    if (out.has_sched) check(out.sched);
  }

  /// A parameter that this policy has. False: it is none.
  bool parameter(SchedParams& out, std::string_view key) {
    const bool realtime = out.policy == Policy::kRr || out.policy == Policy::kFifo;
    const bool deadline = out.policy == Policy::kDeadline;
    if (key == "priority" && realtime)
      out.priority = static_cast<u32>(unsigned_value(value_of(key), 99, "a priority from 1 to 99"));
    else if (key == "nice" && !realtime && !deadline)
      out.nice = static_cast<i32>(signed_value(value_of(key), -20, 19, "a nice value from -20 to 19"));
    else if (key == "runtime" && !realtime)
      out.runtime_ns = unsigned_value(value_of(key), kMaxTimeNs, "a time");
    else if (key == "deadline" && deadline)
      out.deadline_ns = unsigned_value(value_of(key), kMaxTimeNs, "a time");
    else if (key == "period" && deadline)
      out.period_ns = unsigned_value(value_of(key), kMaxTimeNs, "a time");
    else
      return false;
    return true;
  }

  void check(const SchedParams& params) {
    if ((params.policy == Policy::kRr || params.policy == Policy::kFifo) && params.priority == 0)
      fail("a priority from 1 to 99");
    if (params.policy == Policy::kDeadline &&
        (params.runtime_ns == 0 || params.runtime_ns > params.deadline_ns ||
         params.deadline_ns > params.period_ns))
      fail("0 < runtime <= deadline <= period");
  }

  std::string_view name() {
    const std::string_view name = word();
    if (name.empty() || name.size() > kMaxNameLength) fail("a name of 1 to 31 letters", name);
    if (!std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; }))
      fail("a name of printable letters", name);
    return name;
  }

  void task() {
    finish_task();
    if (out_.task_count == kMaxTasks) return fail("at most 256 tasks");
    TaskProgram& task = out_.tasks[out_.task_count++];
    task.name = name();
    task.instances =
        static_cast<u32>(unsigned_value(value_of("instances"), kMaxThreads, "instances, at most 512"));
    threads_ += task.instances;
    if (threads_ > kMaxThreads) fail("at most 512 threads");
    task.loop = loop();
    task.delay = {static_cast<i64>(unsigned_value(value_of("delay"), kMaxTimeNs, "a time"))};
    task.own_timers = count("timers");
    task.first_phase = out_.phase_count;
    attributes(task.attributes);
  }

  void phase() {
    if (out_.task_count == 0) return fail("a task before its phases");
    finish_phase();
    if (out_.phase_count == kMaxPhases) return fail("at most 1024 phases");
    Phase& phase = out_.phases[out_.phase_count++];
    ++out_.tasks[out_.task_count - 1].phase_count;
    phase.first_event = out_.event_count;
    phase.name = name();
    phase.loop = loop();
    attributes(phase.attributes);
  }

  void event(std::string_view name) {
    const auto* const form = std::ranges::find(kForms, name, &EventForm::name);
    if (form == kForms.end()) return fail("task, phase, an event or end", name);
    if (out_.task_count == 0 || out_.tasks[out_.task_count - 1].phase_count == 0)
      return fail("a phase before its events", name);
    if (out_.event_count == kMaxEvents) return fail("at most 4096 events");
    Event& event = out_.events[out_.event_count++];
    ++out_.phases[out_.phase_count - 1].event_count;
    event.kind = form->kind;
    operands(event, form->operands);
  }

  void operands(Event& event, Operands operands) {
    switch (operands) {
    case Operands::kNone:
      return;
    case Operands::kTime:
      event.ns = time();
      return;
    case Operands::kTimer:
      return timer(event);
    case Operands::kMutex:
      event.object = index(out_.mutexes, "a mutex");
      return;
    case Operands::kCondition:
      event.object = index(out_.conditions, "a condition");
      return;
    case Operands::kConditionMutex:
      event.object = index(out_.conditions, "a condition");
      event.mutex = index(out_.mutexes, "a mutex");
      return;
    case Operands::kBarrier:
      event.object = index(out_.barriers, "a barrier");
      return;
    case Operands::kSemaphore:
      event.object = index(out_.semaphores, "a semaphore");
      return;
    case Operands::kNumber:
      event.ns = unsigned_value(word(), kMaxNumber, "a number, at most 1000000000");
      return;
    case Operands::kTask: // may come later: checked at the end against their number
      event.object = index(kMaxTasks, "a task");
      highest_task_ = std::max(highest_task_, event.object);
      return;
    }
  }

  void timer(Event& event) {
    const std::string_view scope = word();
    if (scope != "own" && scope != "shared") return fail("own or shared", scope);
    event.own_timer = scope == "own";
    event.object =
        index(event.own_timer ? out_.tasks[out_.task_count - 1].own_timers : out_.timers, "a timer");
    event.ns = time();
    const std::string_view mode = word();
    if (mode != "relative" && mode != "absolute") return fail("relative or absolute", mode);
    event.absolute = mode == "absolute";
  }

  void finish_phase() {
    if (out_.task_count == 0 || out_.tasks[out_.task_count - 1].phase_count == 0) return;
    if (out_.phases[out_.phase_count - 1].event_count == 0) fail("an event in the phase before");
  }
  void finish_task() {
    finish_phase();
    if (out_.task_count != 0 && out_.tasks[out_.task_count - 1].phase_count == 0)
      fail("a phase in the task before");
  }

  std::expected<void, ParseError> end() {
    finish_task();
    if (out_.task_count == 0) fail("at least one task");
    if (highest_task_ >= out_.task_count) fail("resume and fork of tasks that exist");
    if (threads_ == 0) fail("at least one thread");
    if (!line_.empty() || !text_.empty()) fail("nothing after \"end\"");
    if (failed_) return std::unexpected(error_);
    return {};
  }

  std::string_view text_;
  Workload& out_;
  std::string_view line_; // what is left of the current one
  u32 line_number_ = 0;
  u32 threads_ = 0;
  u16 highest_task_ = 0;
  bool failed_ = false;
  ParseError error_;
};

} // namespace

std::string_view to_string(Policy policy) { return kPolicyNames[static_cast<usize>(policy)]; }

std::expected<void, ParseError> parse_workload(std::string_view text, Workload& out) {
  return Parser(text, out).parse();
}

} // namespace runnel::workload
