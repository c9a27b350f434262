// SPDX-License-Identifier: Apache-2.0
// The trace as it lies in this page (qemu/trace/page.cpp wrote it), unpacked into typed arrays, and what follows from
// it: rows, sums, latencies. Times are nanoseconds since the start of the trace. Thread 0 is "idle".
'use strict';

/** Numbers of seven bits a byte, low ones first; `signed` ones with the sign in the lowest bit. */
class Unpacker {
  constructor(base64) {
    this.bytes = atob(base64);
    this.position = 0;
  }

  next() {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes.charCodeAt(this.position++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  column(count, ArrayType) {
    const values = new ArrayType(count);
    for (let i = 0; i < count; i++) values[i] = this.next();
    return values;
  }

  signedColumn(count) {
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const raw = this.next();
      values[i] = raw % 2 === 1 ? -(raw + 1) / 2 : raw / 2;
    }
    return values;
  }

  /** Ascending times, each stored as its distance from the one before. */
  times(count) {
    const values = new Float64Array(count);
    for (let i = 0, sum = 0; i < count; i++) values[i] = sum += this.next();
    return values;
  }
}

function ends(start, length) {
  return start.map((value, i) => value + length[i]);
}

function unpackSlices({ count, bytes }) {
  const from = new Unpacker(bytes);
  const start = from.times(count);
  return {
    count,
    start,
    end: ends(start, from.column(count, Float64Array)),
    cpu: from.column(count, Uint16Array),
    thread: from.column(count, Uint32Array),
    prio: from.signedColumn(count),
    reason: from.column(count, Uint16Array),
    state: from.signedColumn(count), // -1: it still ran when the trace ended
    valued: from.column(count, Uint8Array),
    a: from.signedColumn(count),
    b: from.signedColumn(count),
  };
}

function unpackWakeups({ count, bytes }) {
  const from = new Unpacker(bytes);
  return {
    count,
    waking: from.times(count),
    thread: from.column(count, Uint32Array),
    wakerCpu: from.column(count, Uint16Array),
    waker: from.column(count, Uint32Array),
    flags: from.column(count, Uint8Array), // 1: an interrupt did it, 2: a new task's first, 4: it ran
    latency: from.column(count, Float64Array),
    cpu: from.column(count, Uint16Array), // where it ran, or was to run
  };
}
const BY_INTERRUPT = 1;
const FIRST = 2;
const RAN = 4;

function unpackWaits({ count, bytes }) {
  const from = new Unpacker(bytes);
  const start = from.times(count);
  return {
    count,
    start,
    end: ends(start, from.column(count, Float64Array)),
    thread: from.column(count, Uint32Array),
    woken: from.column(count, Uint8Array),
  };
}

function unpackInterrupts({ count, bytes }) {
  const from = new Unpacker(bytes);
  const start = from.times(count);
  return {
    count,
    start,
    end: ends(start, from.column(count, Float64Array)),
    cpu: from.column(count, Uint16Array),
    name: from.column(count, Uint16Array),
  };
}

function unpackMarks({ count, bytes }) {
  const from = new Unpacker(bytes);
  return {
    count,
    time: from.times(count),
    type: from.column(count, Uint16Array),
    cpu: from.column(count, Uint16Array),
    thread: from.column(count, Uint32Array),
    a: from.signedColumn(count),
    b: from.signedColumn(count),
  };
}

/** First index in the ascending `values` whose value is above `bound`; looks at [from, to). */
function upperBound(values, bound, from = 0, to = values.length) {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle] <= bound) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Spans of one row that do not overlap, by time. `id` leads back to the table they come from; `sum[i]` is the length
 * of all spans before i, so that how much of any stretch is covered takes no loop to know.
 */
class Row {
  constructor(ids, start, end) {
    this.id = Uint32Array.from(ids);
    this.start = Float64Array.from(ids, (i) => start[i]);
    this.end = Float64Array.from(ids, (i) => end[i]);
    this.sum = new Float64Array(ids.length + 1);
    for (let i = 0; i < ids.length; i++) this.sum[i + 1] = this.sum[i] + this.end[i] - this.start[i];
  }

  get count() {
    return this.id.length;
  }

  /** Index of the first span that ends after `time`. */
  firstAfter(time) {
    return upperBound(this.end, time);
  }

  /** Id of the span at `time`, or -1. */
  at(time) {
    const i = this.firstAfter(time);
    return i < this.count && this.start[i] <= time ? this.id[i] : -1;
  }

  /** How much of [from, to) is covered. */
  covered(from, to) {
    return this.coveredUntil(to) - this.coveredUntil(from);
  }

  coveredUntil(time) {
    const i = this.firstAfter(time);
    return this.sum[i] + (i < this.count ? Math.max(0, time - this.start[i]) : 0);
  }
}

/** Ids 0..count-1 sorted into lists by keyOf(id); keys are 0..keys-1, others are left out. */
function groupBy(count, keys, keyOf) {
  const groups = Array.from({ length: keys }, () => []);
  for (let i = 0; i < count; i++) groups[keyOf(i)]?.push(i);
  return groups;
}

/** Ascending numbers and their percentiles. */
class Distribution {
  constructor(values) {
    this.values = Float64Array.from(values).sort();
  }

  get count() {
    return this.values.length;
  }

  get max() {
    return this.values[this.count - 1];
  }

  get min() {
    return this.values[0];
  }

  /** The smallest value that at least `percent` of a hundred are not above. */
  percentile(percent) {
    return this.values[Math.max(0, Math.ceil((percent / 100) * this.count) - 1)];
  }

  /** How many lie in each of `bins` steps between `low` and `high`, equal on a logarithmic scale. */
  bins(bins, low, high) {
    const counts = new Uint32Array(bins);
    const width = Math.log(high / low) / bins;
    for (const value of this.values) {
      const bin = Math.floor(Math.log(Math.max(value, low) / low) / width);
      counts[Math.min(bins - 1, Math.max(0, bin))]++;
    }
    return counts;
  }
}

/** The whole trace. */
class Trace {
  constructor(packed) {
    Object.assign(this, packed.about);
    this.slices = unpackSlices(packed.slices);
    this.wakeups = unpackWakeups(packed.wakeups);
    this.waits = unpackWaits(packed.waits);
    this.interrupts = unpackInterrupts(packed.interrupts);
    this.marks = unpackMarks(packed.marks);
    this.missType = this.events.findIndex((event) => event.name === 'deadline_miss');
    this.stateOf = new Map(this.states.map((state) => [state.value, state]));
    this.makeRows();
    this.sumUp();
  }

  makeRows() {
    const { slices, waits, interrupts, marks } = this;
    const cpuIndex = new Map(this.cpus.map((cpu, i) => [cpu, i]));
    const threads = this.threads.length;
    const byCpu = groupBy(slices.count, this.cpus.length, (i) => cpuIndex.get(slices.cpu[i]));
    const irqs = groupBy(interrupts.count, this.cpus.length, (i) => cpuIndex.get(interrupts.cpu[i]));
    const marksByCpu = groupBy(marks.count, this.cpus.length, (i) => cpuIndex.get(marks.cpu[i]));
    this.cpuRows = this.cpus.map((cpu, i) => ({
      kind: 'cpu',
      cpu,
      name: `CPU ${cpu}`,
      ran: new Row(byCpu[i].filter((id) => slices.thread[id] !== 0), slices.start, slices.end),
      idle: new Row(byCpu[i].filter((id) => slices.thread[id] === 0), slices.start, slices.end),
      irqs: new Row(irqs[i], interrupts.start, interrupts.end),
      marks: marksByCpu[i],
    }));
    const byThread = groupBy(slices.count, threads, (i) => slices.thread[i]);
    const waitsOf = groupBy(waits.count, threads, (i) => waits.thread[i]);
    const marksOf = groupBy(marks.count, threads, (i) => marks.thread[i]);
    this.threadRows = this.threads.map((thread, i) => ({
      kind: 'thread',
      thread: i,
      name: thread.name,
      ran: new Row(i === 0 ? [] : byThread[i], slices.start, slices.end),
      waits: new Row(waitsOf[i], waits.start, waits.end),
      marks: i === 0 ? [] : marksOf[i],
    }));
    this.cpuIndex = cpuIndex;
  }

  sumUp() {
    const { wakeups, marks } = this;
    // The wake-up that led to a slice: the thread's last one before it.
    this.wakeupOf = new Map();
    const latencies = this.threads.map(() => []);
    for (let i = 0; i < wakeups.count; i++) {
      if (!(wakeups.flags[i] & RAN)) continue;
      if (!(wakeups.flags[i] & FIRST)) latencies[wakeups.thread[i]].push(wakeups.latency[i]);
      const id = this.threadRows[wakeups.thread[i]].ran.at(wakeups.waking[i] + wakeups.latency[i]);
      if (id >= 0) this.wakeupOf.set(id, i);
    }
    this.allLatencies = new Distribution(latencies.flat());
    this.misses = [];
    for (let i = 0; i < marks.count; i++) if (marks.type[i] === this.missType) this.misses.push(i);
    this.stats = this.threads.map((thread, i) => ({
      thread: i,
      name: thread.name,
      pid: thread.pid,
      ran: this.threadRows[i].ran.sum.at(-1),
      waited: this.threadRows[i].waits.sum.at(-1),
      slices: this.threadRows[i].ran.count,
      latency: new Distribution(latencies[i]),
      misses: this.misses.filter((id) => marks.thread[id] === i).length,
    }));
  }

  label(thread) {
    return thread === 0 ? 'idle' : `${this.threads[thread].name}/${this.threads[thread].pid}`;
  }

  labelOfPid(pid) {
    const thread = this.threads.findIndex((each) => each.pid === pid);
    return thread > 0 ? this.label(thread) : `pid ${pid}`;
  }

  reason(number) {
    return this.reasons[number] ?? this.unknownReason;
  }

  /** The wait that ended when this slice began, or -1. */
  waitBefore(slice) {
    const row = this.threadRows[this.slices.thread[slice]].waits;
    const i = upperBound(row.end, this.slices.start[slice]) - 1;
    return i >= 0 && row.end[i] === this.slices.start[slice] ? row.id[i] : -1;
  }
}
