// SPDX-License-Identifier: Apache-2.0
// Which error sched_setattr gives when several would be right: the earliest row of the table (spec 5.10,
// D29). Rows 1 to 8 belong to the system call; row 14 needs the ext class.
#include "tests/sched/dl_sim.hpp"

using namespace runnel;
using namespace runnel::sched;

namespace {

/// The tasks a request can be for, on a machine of two CPUs with little bandwidth left.
struct Scene {
  sim::TaskRef fair;
  sim::TaskRef narrow;          // a fair one that may use one CPU only
  sim::TaskRef deadline;        // (2, 20) ms already
  sim::TaskRef narrow_deadline; // the same, and was bound to one CPU while admission was off
  Task* stopper = nullptr;
};

struct Request {
  SchedAttr attr;
  SchedRights rights;
  bool to_stopper = false;
  bool to_narrow = false;
  bool to_deadline = false;
};

/// A reason to refuse (or, row 15, to do nothing), and the row that says so.
struct Condition {
  u32 row;
  Errno error; // kNoError: success
  const char* name;
  void (*impose)(Request&);
};

constexpr Errno kNoError{};

const Condition kConditions[] = {
    {9, Errno::kINVAL, "unknown policy", [](Request& r) { r.attr.policy = 99; }},
    {9, Errno::kINVAL, "ext policy number 4", [](Request& r) { r.attr.policy = 4; }},
    {9, Errno::kINVAL, "unknown flag", [](Request& r) { r.attr.flags |= 0x80; }},
    {9, Errno::kINVAL, "priority above 99", [](Request& r) { r.attr.priority = 100; }},
    {9, Errno::kINVAL, "runtime too small", [](Request& r) { r.attr.runtime = 1023; }},
    {9, Errno::kINVAL, "deadline 0", [](Request& r) { r.attr.deadline = 0; }},
    {9, Errno::kINVAL, "priority for a deadline task", [](Request& r) { r.attr.priority = 1; }},
    {10, Errno::kPERM, "no right", [](Request& r) { r.rights.cap_sys_nice = false; }},
    {11, Errno::kINVAL, "internal flag", [](Request& r) { r.attr.flags |= kSchedFlagInternal; }},
    {12, Errno::kOPNOTSUPP, "clamp", [](Request& r) { r.attr.flags |= kSchedFlagUtilClampMin; }},
    {13, Errno::kINVAL, "a stopper", [](Request& r) { r.to_stopper = true; }},
    {15, kNoError, "nothing changes", [](Request& r) { r.to_deadline = true; }},
    {16, Errno::kPERM, "mask too small", [](Request& r) { r.to_narrow = true; }},
    {18, Errno::kBUSY, "too much",
     [](Request& r) {
       if (r.attr.runtime > 1023) r.attr.runtime = 19'000'000;
     }},
};

/// The two cannot be had in one request.
bool excludes(const Condition& a, const Condition& b) {
  const auto is = [&](u32 row, u32 other) { return a.row == row && b.row == other; };
  if (a.row == 13 || b.row == 13) return is(13, 15) || is(15, 13) || is(13, 16) || is(16, 13);
  return is(15, 18) || is(18, 15); // more than it has is a change
}

Errno ask(const Scene& scene, const Request& r) {
  Task& task = r.to_stopper                   ? *scene.stopper
               : r.to_deadline && r.to_narrow ? *scene.narrow_deadline
               : r.to_deadline                ? *scene.deadline
               : r.to_narrow                  ? *scene.narrow
                                              : *scene.fair;
  const Result<> result = sched_setattr(task, r.attr, r.rights);
  return result ? kNoError : result.error();
}

Request request() {
  Request r;
  r.attr.policy = static_cast<u32>(Policy::kDeadline);
  r.attr.runtime = 2'000'000;
  r.attr.deadline = r.attr.period = 20'000'000;
  return r;
}

Scene make_scene(bool& stop) {
  const auto sleeper = [&stop] { sim::wait_until([&stop] { return stop; }); };
  Scene scene;
  scene.stopper = cpu_rq(CpuId{0}).stop;
  for (sim::TaskRef* task : {&scene.fair, &scene.narrow, &scene.deadline, &scene.narrow_deadline})
    *task = sim::spawn({}, sleeper);
  REQUIRE(sim::set_deadline(*scene.deadline, 2_ms, 20_ms, 20_ms).has_value());
  REQUIRE(dl_set_limit(1'000'000, -1).has_value());
  REQUIRE(sim::set_deadline(*scene.narrow_deadline, 2_ms, 20_ms, 20_ms).has_value());
  REQUIRE(sim::set_affinity(*scene.narrow_deadline, CpuMask::of(CpuId{1})).has_value());
  REQUIRE(dl_set_limit(1'000'000, 950'000).has_value());
  REQUIRE(sim::set_affinity(*scene.narrow, CpuMask::of(CpuId{1})).has_value());
  return scene;
}

} // namespace

TEST_CASE("of two reasons to refuse a change of attributes the earlier row wins", "[D29]") {
  sim::Config config;
  config.shape = *sim::parse_shape("1x2x1");
  sim::run(config, [] {
    bool stop = false;
    const Scene scene = make_scene(stop);
    // 1.9 - 0.2 - 0.2 of two CPUs are left; the request for 0.95 is to be too much and that for 0.1 not.
    const sim::TaskRef filler = sim::spawn({}, [&stop] { sim::wait_until([&stop] { return stop; }); });
    REQUIRE(sim::set_deadline(*filler, 16_ms, 20_ms, 20_ms).has_value());

    u32 pairs = 0;
    for (const Condition& a : kConditions) {
      Request alone = request();
      a.impose(alone);
      INFO(a.name);
      REQUIRE(ask(scene, alone) == a.error);
      for (const Condition& b : kConditions) {
        if (a.row >= b.row || excludes(a, b)) continue;
        Request both = request();
        a.impose(both);
        b.impose(both);
        INFO(b.name);
        CHECK(ask(scene, both) == a.error);
        ++pairs;
      }
    }
    CHECK(pairs > 60);
    CHECK(scene.fair->policy == Policy::kNormal); // none of them has changed anything
    CHECK(scene.narrow->policy == Policy::kNormal);
    CHECK(scene.deadline->dl.dl_runtime == 2'000'000);

    Request r = request();
    CHECK(ask(scene, r) == kNoError); // and without any reason it is done
    CHECK(scene.fair->policy == Policy::kDeadline);
    stop = true;
    for (const sim::TaskRef& task :
         {scene.fair, scene.narrow, scene.deadline, scene.narrow_deadline, filler}) {
      sim::wake(*task);
      sim::join(task);
    }
  });
}
