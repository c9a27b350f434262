// SPDX-License-Identifier: Apache-2.0
// Where things are: which part of the trace is shown, which row lies where, what is under a point. draw.js paints it.
'use strict';

const GUTTER = 132; // names of rows
const CPU_HEIGHT = 38;
const THREAD_HEIGHT = 24;
const HEAD_HEIGHT = 24;
const SMALLEST_RANGE = 50; // ns
const ARROW_ROOM = 9; // pixels of width an arrow wants: more of them would only hide each other

class Geometry {
  constructor(trace) {
    this.trace = trace;
    this.overview = document.getElementById('overview');
    this.axis = document.getElementById('axis');
    this.chart = document.getElementById('chart');
    this.scroller = document.getElementById('rows');
    this.span = Math.max(trace.span, 1);
    this.from = 0;
    this.to = this.span;
    this.chosen = null; // what was clicked: see hitAt
    this.thread = 0; // chosen thread, 0: none
    this.hover = null;
    this.matches = null; // {slices, marks}: a byte each, 1 for what was searched for; null: no search
    this.matchTimes = [];
    this.dragged = null; // [from, to] while a range is dragged over
    this.longestLatency = trace.wakeups.latency.reduce((a, b) => Math.max(a, b), 0);
    this.measure();
    this.makeLanes();
  }

  /** What stands below each other, with its place. */
  makeLanes() {
    this.lanes = [];
    let y = 0;
    const add = (lane) => {
      this.lanes.push({ ...lane, y });
      y += lane.height;
    };
    add({ kind: 'head', name: 'CPUs: who runs where', height: HEAD_HEIGHT });
    for (const row of this.trace.cpuRows) add({ kind: 'cpu', row, name: row.name, height: CPU_HEIGHT });
    add({ kind: 'head', name: 'Threads: run, wait, sleep', height: HEAD_HEIGHT });
    for (const row of this.trace.threadRows.slice(1))
      add({ kind: 'thread', row, name: this.trace.label(row.thread), height: THREAD_HEIGHT });
    this.height = y + 18;
    this.cpuLane = new Map(this.lanes.filter((l) => l.kind === 'cpu').map((l) => [l.row.cpu, l]));
    this.threadLane = new Map(this.lanes.filter((l) => l.kind === 'thread').map((l) => [l.row.thread, l]));
    document.getElementById('rows-height').style.height = `${this.height}px`;
    this.lives = this.trace.threadRows.map((row) => this.lifeOf(row));
  }

  /** From a thread's first to its last moment in the trace. */
  lifeOf({ ran, waits }) {
    const first = Math.min(ran.start[0] ?? Infinity, waits.start[0] ?? Infinity);
    const lastRun = ran.id.at(-1);
    const ended = lastRun !== undefined && /[XZ]/.test(this.trace.stateOf.get(this.trace.slices.state[lastRun])?.letters);
    return { from: first, to: ended ? ran.end.at(-1) : this.span };
  }

  // Time and place.

  /** Asks how wide the chart is now; not at every use, for that costs more than what it is used for. */
  measure() {
    this.plotWidth = Math.max(1, this.chart.clientWidth - GUTTER);
  }

  x(time) {
    return GUTTER + ((time - this.from) / (this.to - this.from)) * this.plotWidth;
  }

  time(x) {
    return this.from + ((x - GUTTER) / this.plotWidth) * (this.to - this.from);
  }

  /** Shows [from, to], kept within the trace and above the smallest range. */
  show(from, to) {
    const length = Math.min(Math.max(to - from, SMALLEST_RANGE), this.span);
    const start = Math.min(Math.max(from + (to - from - length) / 2, 0), this.span - length);
    this.from = start;
    this.to = start + length;
    this.changed();
  }

  /** Factor below 1: closer. The moment at `x` stays where it is. */
  zoom(factor, x = GUTTER + this.plotWidth / 2) {
    const length = Math.min(Math.max((this.to - this.from) * factor, SMALLEST_RANGE), this.span);
    const share = Math.min(1, Math.max(0, (x - GUTTER) / this.plotWidth));
    const from = this.time(GUTTER + share * this.plotWidth) - share * length;
    this.show(from, from + length);
  }

  move(pixels) {
    const by = (pixels / this.plotWidth) * (this.to - this.from);
    this.show(this.from + by, this.to + by);
  }

  /** Brings [from, to] into view without zooming out further than needed. */
  reveal(from, to) {
    const length = Math.max(this.to - this.from, (to - from) * 1.2);
    if (from >= this.from && to <= this.to && length === this.to - this.from) return;
    const middle = (from + to) / 2;
    this.show(middle - length / 2, middle + length / 2);
  }

  /** Scrolls so that a thread's row can be seen. */
  revealThread(thread) {
    const lane = this.threadLane.get(thread);
    if (!lane) return;
    const top = this.scroller.scrollTop;
    const height = this.scroller.clientHeight;
    if (lane.y < top || lane.y + lane.height > top + height) this.scroller.scrollTop = lane.y - height / 2;
  }

  /** Those in view; of the chosen thread only, if there is one; none when they are too many. */
  visibleWakeups() {
    const { wakeups } = this.trace;
    const most = this.plotWidth / ARROW_ROOM;
    const found = [];
    let more = 0;
    const first = upperBound(wakeups.waking, this.from - this.longestLatency);
    for (let i = first; i < wakeups.count && wakeups.waking[i] < this.to; i++) {
      if (!(wakeups.flags[i] & RAN) || wakeups.waking[i] + wakeups.latency[i] < this.from) continue;
      const byThread = (wakeups.flags[i] & BY_INTERRUPT) === 0;
      const own = wakeups.thread[i] === this.thread || (byThread && wakeups.waker[i] === this.thread);
      if (this.thread !== 0 && !own) continue;
      if (found.length < most) found.push(i);
      else more++;
    }
    if (more > 0) {
      this.notes.push(`${formatCount(found.length + more)} wake-up arrows are hidden: zoom in, or choose a thread`);
      return [];
    }
    return found;
  }

  laneAt(y) {
    const place = y + this.scroller.scrollTop;
    return this.lanes.find((lane) => place >= lane.y && place < lane.y + lane.height);
  }

  /**
   * What lies at a point of the chart: {kind, id, lane, time}, kind one of slice, idle, wait, irq, mark, merged (id is
   * a range of time then), name (of the row), nothing.
   */
  hitAt(x, y) {
    const lane = this.laneAt(y);
    if (!lane || lane.kind === 'head') return null;
    const { row } = lane;
    const time = this.time(x);
    const hit = (kind, id) => ({ kind, id, lane, time });
    if (x < GUTTER) return hit('name', lane.kind === 'thread' ? row.thread : row.cpu);
    const perPixel = (this.to - this.from) / this.plotWidth;
    const inside = y + this.scroller.scrollTop - lane.y;
    const mark = this.markNear(row.marks, time, perPixel * 5);
    if (mark >= 0 && (inside < 10 || this.trace.marks.type[mark] === this.trace.missType)) return hit('mark', mark);
    if (lane.kind === 'cpu' && inside >= 29) {
      const irq = this.near(row.irqs, time, perPixel * 2);
      if (irq >= 0) return hit('irq', irq);
    }
    const first = row.ran.firstAfter(time - perPixel / 2);
    const count = upperBound(row.ran.start, time + perPixel / 2) - first;
    if (count > 2) return hit('merged', [time - perPixel / 2, time + perPixel / 2]);
    const slice = this.near(row.ran, time, perPixel * 2);
    if (slice >= 0) return hit('slice', slice);
    const wait = lane.kind === 'thread' ? row.waits.at(time) : row.idle.at(time);
    if (wait >= 0) return hit(lane.kind === 'thread' ? 'wait' : 'idle', wait);
    return hit('nothing', -1);
  }

  /** Id of the span at `time`, else of the next one within `reach` of it, else -1. */
  near(row, time, reach) {
    const exact = row.at(time);
    if (exact >= 0) return exact;
    const i = row.firstAfter(time - reach);
    return i < row.count && row.start[i] <= time + reach ? row.id[i] : -1;
  }

  /** The mark next to `time`, misses before others, or -1. */
  markNear(ids, time, reach) {
    const { marks, missType } = this.trace;
    let best = -1;
    let distance = reach;
    for (let i = upperBound(ids, upperBound(marks.time, time - reach) - 1); i < ids.length; i++) {
      const id = ids[i];
      if (marks.time[id] > time + reach) break;
      const away = marks.type[id] === missType ? 0 : Math.abs(marks.time[id] - time);
      if (away <= distance) [best, distance] = [id, away];
    }
    return best;
  }
}
