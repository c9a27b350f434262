// SPDX-License-Identifier: Apache-2.0
// The document as a whole, and what can be said of a scenario after reading.
#include "qemu/scenario/scenario.hpp"

#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <fmt/format.h>
#include <fstream>
#include <system_error>

namespace runnel::scenario {

namespace {

constexpr usize kMaxFileSize = 1 << 20;
constexpr u64 kDefaultDurationNs = 10'000'000'000;
constexpr std::array<std::string_view, 4> kSections = {"tasks", "global", "resources", "expect"};

bool runs_for_ever(const Task& task) {
  return task.loop == -1 ||
         std::ranges::any_of(task.phases, [](const Phase& phase) { return phase.loop == -1; });
}

/// rt-app would wait for Ctrl-C; a run here has an end.
void settle_duration(Context& context, Scenario& scenario, const JsonMember* global) {
  if (scenario.duration_ns) return;
  const auto endless = std::ranges::find_if(scenario.tasks, runs_for_ever);
  if (endless == scenario.tasks.end()) return;
  scenario.duration_ns = kDefaultDurationNs;
  const Context::Scope scope(context, "global");
  const Context::Scope inner(context, "duration");
  context.warning(global != nullptr ? global->at : Place{1, 1},
                  fmt::format("no end is given and task \"{}\" loops for ever: stopped after {} s",
                              endless->name, kDefaultDurationNs / 1'000'000'000));
}

void read_document(Reader& reader, const JsonValue& root) {
  Context& context = reader.context;
  if (!context.object(root, "{ \"tasks\" : {...}, \"global\" : {...} }")) return;
  context.refuse_repeats(root, [](std::string_view) { return false; });
  for (const JsonMember& member : root.members)
    if (std::ranges::find(kSections, member.key) == kSections.end()) context.unknown_key(member, kSections);
  const JsonMember* global = find(root, "global");
  if (global != nullptr) {
    const Context::Scope scope(context, "global");
    read_global(reader, global->value); // first: tasks inherit default_policy
  }
  if (const JsonMember* resources = find(root, "resources")) {
    const Context::Scope scope(context, "resources");
    read_resources(reader, resources->value);
  }
  const JsonMember* tasks = find(root, "tasks");
  if (tasks == nullptr)
    return context.error(root.at, "no \"tasks\": expected { \"tasks\" : { name : {...} } }");
  read_tasks(reader, *tasks);
  if (const JsonMember* expect = find(root, "expect")) read_expect(reader, *expect, std::nullopt);
  if (!context.failed()) settle_duration(context, reader.scenario, global);
}

Outcome refused(Message message) {
  Outcome outcome;
  outcome.messages.push_back(std::move(message));
  return outcome;
}

} // namespace

u32 Scenario::initial_threads() const {
  u32 threads = 0;
  for (const Task& task : tasks) threads += task.instances;
  return threads;
}

u32 Scenario::cpus_needed() const {
  u64 all = 0;
  for (const Task& task : tasks) {
    all |= task.attributes.cpus.value_or(0);
    for (const Phase& phase : task.phases) all |= phase.attributes.cpus.value_or(0);
  }
  return static_cast<u32>(std::bit_width(all));
}

u32 Scenario::default_cpus() const {
  static constexpr u32 kDefault = 4;
  return cpus.value_or(std::max(kDefault, cpus_needed()));
}

Outcome read_scenario(std::string_view json, std::string file, const ReadOptions& options) {
  const auto root = parse_json(json);
  if (!root)
    return refused({.file = std::move(file),
                    .at = root.error().at,
                    .path = {},
                    .text = fmt::format("not JSON: {}", root.error().text)});
  Outcome outcome;
  Context context(file);
  Scenario scenario;
  scenario.file = std::move(file);
  Reader reader(context, scenario);
  if (options.machine_cpus) {
    reader.smp = reader.machine_cpus = std::clamp(*options.machine_cpus, 1u, kMaxScenarioCpus);
    reader.cpus_from = fmt::format("--smp {}", reader.machine_cpus);
  }
  read_document(reader, *root);
  const bool failed = context.failed();
  outcome.messages = context.take_messages();
  if (!failed) outcome.scenario = std::move(scenario);
  return outcome;
}

Outcome load_scenario(const std::filesystem::path& path, const ReadOptions& options) {
  const auto complaint = [&](std::string text) {
    return refused({.file = path.string(), .at = {}, .path = {}, .text = std::move(text)});
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return complaint("is a directory, not a scenario file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return complaint(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  std::string text(kMaxFileSize + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<usize>(in.gcount()));
  if (text.size() > kMaxFileSize) return complaint("larger than 1 MiB: no scenario");
  return read_scenario(text, path.string(), options);
}

} // namespace runnel::scenario
