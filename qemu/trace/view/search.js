// SPDX-License-Identifier: Apache-2.0
// Search: which runs, events, wake-ups and interrupts a query means, and stepping through them in time.
'use strict';

const MOST_MATCH_TICKS = 2000; // in the overview

class Search {
  constructor(trace) {
    this.trace = trace;
    this.clear();
  }

  clear() {
    this.query = '';
    this.hits = []; // {time, kind, id} in time
    this.current = -1;
    this.matches = null;
  }

  get active() {
    return this.query !== '';
  }

  /** Finds everything that `text` means; case does not matter. */
  find(text) {
    this.clear();
    this.query = text.trim();
    if (!this.active) return;
    const wanted = this.query.toLowerCase();
    const { slices, marks, wakeups, interrupts } = this.trace;
    this.matches = { slices: new Uint8Array(slices.count), marks: new Uint8Array(marks.count) };
    this.addSlices(this.threadsNamed(wanted), this.reasonsNamed(wanted), this.statesNamed(wanted));
    this.addMarks(wanted);
    if ('sched_wakeup'.includes(wanted) || 'sched_waking'.includes(wanted))
      for (let i = 0; i < wakeups.count; i++) this.hits.push({ time: wakeups.waking[i], kind: 'wakeup', id: i });
    const irqs = this.trace.interruptNames.map((name) => name.toLowerCase().includes(wanted));
    if (irqs.includes(true))
      for (let i = 0; i < interrupts.count; i++)
        if (irqs[interrupts.name[i]]) this.hits.push({ time: interrupts.start[i], kind: 'irq', id: i });
    this.hits.sort((a, b) => a.time - b.time);
  }

  /** By a part of the name; by the pid, whole; "name/pid" as the page writes it. */
  threadsNamed(wanted) {
    return this.trace.threads.map((thread, i) =>
      i !== 0 && (thread.name.toLowerCase().includes(wanted) || String(thread.pid) === wanted ||
        this.trace.label(i).toLowerCase() === wanted));
  }

  reasonsNamed(wanted) {
    return this.trace.reasons.map((reason) => reason.name.includes(wanted));
  }

  /** States by their letters exactly, and "preempted". */
  statesNamed(wanted) {
    const found = this.trace.states.filter(({ letters, meaning }) =>
      letters === this.query || (wanted.length > 3 && meaning.includes(wanted)));
    return new Set(found.map((state) => state.value));
  }

  addSlices(threads, reasons, states) {
    const { slices } = this.trace;
    const switches = 'sched_switch'.includes(this.query.toLowerCase());
    for (let i = 0; i < slices.count; i++) {
      const meant = threads[slices.thread[i]] || reasons[slices.reason[i]] || states.has(slices.state[i]) || switches;
      if (!meant) continue;
      this.matches.slices[i] = 1;
      this.hits.push({ time: slices.start[i], kind: slices.thread[i] === 0 ? 'idle' : 'slice', id: i });
    }
  }

  addMarks(wanted) {
    const { marks, events } = this.trace;
    const types = events.map((event) => event.name.includes(wanted) || event.name.replaceAll('_', ' ').includes(wanted));
    for (let i = 0; i < marks.count; i++) {
      if (!types[marks.type[i]]) continue;
      this.matches.marks[i] = 1;
      this.hits.push({ time: marks.time[i], kind: 'mark', id: i });
    }
  }

  /** The next hit (by 1 or -1 in time) after the current one, or from `from` on; round and round. */
  step(by, from) {
    if (this.hits.length === 0) return null;
    if (this.current >= 0) {
      this.current = (this.current + by + this.hits.length) % this.hits.length;
    } else {
      const first = this.hits.findIndex((hit) => hit.time >= from);
      this.current = first >= 0 ? first : 0;
    }
    return this.hits[this.current];
  }

  /** Times for the overview, not more than can be told apart. */
  ticks() {
    const step = Math.max(1, Math.floor(this.hits.length / MOST_MATCH_TICKS));
    return this.hits.filter((hit, i) => i % step === 0).map((hit) => hit.time);
  }

  text() {
    if (!this.active) return '';
    if (this.hits.length === 0) return 'no match';
    return this.current < 0
      ? plural(this.hits.length, 'match', 'matches')
      : `${formatCount(this.current + 1)} of ${formatCount(this.hits.length)}`;
  }
}
