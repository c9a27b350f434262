# SPDX-License-Identifier: Apache-2.0
# gdb commands that know the kernel: `runnel ps` (threads), `runnel rq` (runqueues), `runnel bt-all` (every
# CPU, then every thread that is not running). Loaded by `./runnel debug`.
import gdb

STATES = {0: "running", 1: "sleeping", 2: "blocked", 0x40: "parked", 0x80: "dead", 0x200: "waking", 0x800: "new"}


def atomic(value):
    """The number inside a std::atomic, or the number itself."""
    if value.type.strip_typedefs().code != gdb.TYPE_CODE_STRUCT:
        return int(value)
    for name in ("_M_i", "_M_base"):
        try:
            return atomic(value[name])
        except gdb.error:
            continue
    field = value.type.strip_typedefs().fields()[0]
    return atomic(value[field] if not field.is_base_class else value.cast(field.type))


def pointer_of(value):
    """The address inside a std::atomic<T*> or a plain pointer."""
    return int(value["_M_b"]["_M_p"]) if value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT else int(value)


def symbol(name):
    return gdb.parse_and_eval("'runnel::%s'" % name)


def cpu_count():
    count = int(symbol("(anonymous namespace)::machine")["nr_cpus"])
    return max(count, 1)


def offset_of(struct, member):
    for field in struct.fields():
        if field.name == member:
            return field.bitpos // 8
    raise gdb.GdbError("no member " + member)


def tasks():
    """All threads but the idle ones, in the order of creation."""
    task = gdb.lookup_type("runnel::Task")
    offset = offset_of(task, "all_tasks")
    head = symbol("(anonymous namespace)::tasks")["head_"]
    node = head["next"]
    while int(node) not in (0, int(head.address)):
        yield gdb.Value(int(node) - offset).cast(task.pointer()).dereference()
        node = node["next"]


def base(task):
    return task.cast(gdb.lookup_type("runnel::sched::Task"))


def name_of(task):
    return "%s/%d" % (base(task)["comm"].string(errors="replace"), int(base(task)["pid"]))


def runqueue(cpu):
    return symbol("sched::(anonymous namespace)::runqueues")[cpu]


def running():
    """Address of the thread on each CPU."""
    return {int(runqueue(cpu)["curr"]): cpu for cpu in range(cpu_count())}


def frames_of(task):
    """Return addresses of a thread that is not running, from what the context switch saved on its stack."""
    sp = int(task["context"]["sp"])
    word = gdb.lookup_type("unsigned long").pointer()
    read = lambda at: int(gdb.Value(at).cast(word).dereference())
    arm = "aarch64" in gdb.selected_inferior().architecture().name()
    frame = sp if arm else sp + 40  # x86_64: below it r15, r14, r13, r12, rbx
    for _ in range(32):
        try:
            caller, back = read(frame), read(frame + 8)
        except gdb.MemoryError:
            return
        if back == 0:
            return
        yield back
        if caller <= frame:
            return
        frame = caller


def describe(address):
    where = gdb.find_pc_line(address - 1)
    function = gdb.execute("info symbol %#x" % (address - 1), to_string=True).split(" in section")[0].strip()
    place = " (%s:%d)" % (where.symtab.filename, where.line) if where.symtab else ""
    return "%#x %s%s" % (address, function, place)


class Runnel(gdb.Command):
    """Commands that know Runnel's kernel: runnel ps, runnel rq, runnel bt-all."""

    def __init__(self):
        super().__init__("runnel", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)


class Ps(gdb.Command):
    """The threads: pid, state, CPU, CPU time, switches."""

    def __init__(self):
        super().__init__("runnel ps", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        on = running()
        print("  pid name             state     cpu   time ms  voluntary  preempted  migrated")
        for task in tasks():
            t = base(task)
            state = atomic(t["state"])
            text = "on cpu" if int(task.address) in on else STATES.get(state, hex(state))
            stats = t["stats"]
            print("%5d %-16s %-8s %4d %9.3f %10d %10d %9d" % (
                int(t["pid"]), t["comm"].string(errors="replace"), text, atomic(t["cpu"]),
                int(stats["sum_exec_runtime"]["ns"]) / 1e6, int(stats["nvcsw"]), int(stats["nivcsw"]),
                int(stats["nr_migrations"])))


class Rq(gdb.Command):
    """The runqueues: what runs, how many of each class, which fair threads wait."""

    def __init__(self):
        super().__init__("runnel rq", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        task = gdb.lookup_type("runnel::sched::Task")
        offset = offset_of(task, "se") + offset_of(gdb.lookup_type("runnel::sched::FairEntity"), "all_node")
        for cpu in range(cpu_count()):
            rq = runqueue(cpu)
            if int(rq["curr"]) == 0:
                print("cpu %d: not started" % cpu)
                continue
            curr = "idle" if int(rq["curr"]) == int(rq["idle"]) else name_of(rq["curr"].dereference())
            waiting = []
            head = rq["fair"]["tasks"]["head_"]
            node = head["next"]
            while int(node) not in (0, int(head.address)):
                if int(node) - offset != int(rq["curr"]):
                    waiting.append(name_of(gdb.Value(int(node) - offset).cast(task.pointer()).dereference()))
                node = node["next"]
            print("cpu %d: runs %s, runnable %d (deadline %d, rt %d), switches %d, fair waiting: %s" % (
                cpu, curr, int(rq["nr_running"]), int(rq["dl"]["nr_running"]), int(rq["rt"]["nr_running"]),
                int(rq["nr_switches"]), " ".join(waiting) or "-"))


class BtAll(gdb.Command):
    """Backtraces of every CPU and of every thread that is not running."""

    def __init__(self):
        super().__init__("runnel bt-all", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        gdb.execute("thread apply all -q -s backtrace 32")
        on = running()
        for task in tasks():
            if int(task.address) in on:
                continue
            print("\n%s:" % name_of(task))
            for depth, address in enumerate(frames_of(task)):
                print("  #%d %s" % (depth, describe(address)))


Runnel()
Ps()
Rq()
BtAll()
