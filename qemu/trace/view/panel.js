// SPDX-License-Identifier: Apache-2.0
// Words about what is in the trace: the tip at the pointer, the details on the right, latencies, the table of threads.
'use strict';

/** An element with attributes and children; text stays text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Makes descriptions, {title, colour, facts: [[name, text, class]]}, of what Geometry.hitAt finds. */
class Describer {
  constructor(trace, view) {
    this.trace = trace;
    this.view = view;
  }

  describe(hit) {
    switch (hit?.kind) {
      case 'slice':
        return this.slice(hit.id);
      case 'idle':
        return this.idle(hit.id);
      case 'wait':
        return this.wait(hit.id);
      case 'mark':
        return this.mark(hit.id);
      case 'irq':
        return this.interrupt(hit.id);
      case 'merged':
        return this.merged(hit);
      default:
        return null;
    }
  }

  /** "a = ..., b = ..." of what `words` (a reason's or an event's) says the two values are. */
  values(words, a, b, now) {
    const parts = [];
    for (const [field, value] of [[words.a, a], [words.b, b]])
      if (field.unit !== 'nothing')
        parts.push([field.label, field.unit === 'pid' ? this.trace.labelOfPid(value) : formatValue(field.unit, value, now)]);
    return parts;
  }

  priority(prio) {
    if (prio < 0) return `deadline (${prio})`;
    return prio < 100 ? `realtime ${99 - prio} (${prio})` : `fair, nice ${prio - 120} (${prio})`;
  }

  picked(id) {
    const { slices } = this.trace;
    const reason = this.trace.reason(slices.reason[id]);
    const facts = [['Picked because', reason.what, 'reason'], ['Rule', reason.name]];
    if (reason.a.unit === 'nothing') return facts;
    if (slices.valued[id])
      for (const [label, text] of this.values(reason, slices.a[id], slices.b[id], slices.start[id]))
        facts.push([label[0].toUpperCase() + label.slice(1), text, 'value']);
    else facts.push(['Deciding values', 'not recorded']);
    return facts;
  }

  slice(id) {
    const { slices } = this.trace;
    const thread = slices.thread[id];
    const start = slices.start[id];
    const state = this.trace.stateOf.get(slices.state[id]);
    return {
      title: `${this.trace.label(thread)} on CPU ${slices.cpu[id]}`,
      colour: this.view.colours[thread],
      facts: [
        ['Ran', `${formatDuration(slices.end[id] - start)}, from ${formatMoment(start)}`],
        ...this.picked(id),
        ...this.before(id),
        ['Then it', state ? `${state.meaning} (${state.letters})` : 'still ran when the trace ended'],
        ['Priority', this.priority(slices.prio[id])],
      ],
    };
  }

  /** How a slice's thread came to want the CPU, and how long it waited. */
  before(id) {
    const { wakeups, waits } = this.trace;
    const wakeup = this.trace.wakeupOf.get(id);
    if (wakeup !== undefined) {
      const who = wakeups.flags[wakeup] & BY_INTERRUPT ? this.interruptAt(wakeup) : this.trace.label(wakeups.waker[wakeup]);
      const first = wakeups.flags[wakeup] & FIRST ? 'Started by' : 'Woken by';
      return [
        [first, `${who} on CPU ${wakeups.wakerCpu[wakeup]}`],
        [wakeups.flags[wakeup] & FIRST ? 'Ran after' : 'Wake-up latency', formatDuration(wakeups.latency[wakeup])],
      ];
    }
    const wait = this.trace.waitBefore(id);
    if (wait < 0) return [];
    const length = formatDuration(waits.end[wait] - waits.start[wait]);
    return [['Waited', `${length} ${waits.woken[wait] ? 'after it was woken' : 'since it left a CPU'}`]];
  }

  /** Which interrupt a wake-up came from. */
  interruptAt(wakeup) {
    const { wakeups, interrupts } = this.trace;
    const row = this.trace.cpuRows[this.trace.cpuIndex.get(wakeups.wakerCpu[wakeup])];
    const irq = row.irqs.at(wakeups.waking[wakeup]);
    return irq >= 0 ? `interrupt ${this.trace.interruptNames[interrupts.name[irq]]}` : 'an interrupt';
  }

  idle(id) {
    const { slices } = this.trace;
    return {
      title: `CPU ${slices.cpu[id]} is idle`,
      facts: [
        ['For', `${formatDuration(slices.end[id] - slices.start[id])}, from ${formatMoment(slices.start[id])}`],
        ...this.picked(id),
      ],
    };
  }

  wait(id) {
    const { waits } = this.trace;
    return {
      title: `${this.trace.label(waits.thread[id])} waits for a CPU`,
      colour: this.view.colours[waits.thread[id]],
      facts: [
        ['For', `${formatDuration(waits.end[id] - waits.start[id])}, from ${formatMoment(waits.start[id])}`],
        ['Because', waits.woken[id] ? 'it was woken, and did not run at once' : 'it was preempted, or yielded'],
      ],
    };
  }

  mark(id) {
    const { marks } = this.trace;
    const event = this.trace.events[marks.type[id]] ?? this.trace.unknownEvent;
    const miss = marks.type[id] === this.trace.missType;
    const facts = [['What', event.what, miss ? 'bad' : ''], ['At', formatMoment(marks.time[id])]];
    if (marks.thread[id] !== 0) facts.push(['Thread', this.trace.label(marks.thread[id])]);
    facts.push(['Recorded on', `CPU ${marks.cpu[id]}`]);
    for (const [label, text] of this.values(event, marks.a[id], marks.b[id], marks.time[id]))
      facts.push([label[0].toUpperCase() + label.slice(1), text, miss ? 'bad' : 'value']);
    return { title: event.name, colour: miss ? this.view.css.miss : this.view.css.mark, facts };
  }

  interrupt(id) {
    const { interrupts } = this.trace;
    const start = interrupts.start[id];
    return {
      title: `Interrupt ${this.trace.interruptNames[interrupts.name[id]]} on CPU ${interrupts.cpu[id]}`,
      colour: this.view.css.irq,
      facts: [['Took', `${formatDuration(interrupts.end[id] - start)}, from ${formatMoment(start)}`]],
    };
  }

  merged({ id: [from, to], lane }) {
    const { ran } = lane.row;
    const first = ran.firstAfter(from);
    const last = upperBound(ran.start, to);
    const threads = new Set();
    for (let i = first; i < Math.min(last, first + 10000); i++) threads.add(this.trace.slices.thread[ran.id[i]]);
    return {
      title: `${plural(last - first, 'run', 'runs')} too short to tell apart here`,
      facts: [
        ['Where', lane.name],
        ['Threads', String(threads.size)],
        ['Busy', `${formatPercent(ran.covered(from, to), to - from)} of ${formatDuration(to - from)}`],
        ['', 'Zoom in (w) to see them.'],
      ],
    };
  }

  /** A whole thread. */
  thread(index) {
    const stat = this.trace.stats[index];
    const life = this.view.lives[index];
    return {
      title: this.trace.label(index),
      colour: this.view.colours[index],
      facts: [
        ['Ran', `${formatDuration(stat.ran)} in ${plural(stat.slices, 'run', 'runs')}, ` +
          `${formatPercent(stat.ran, life.to - life.from)} of its time`],
        ['Waited', `${formatDuration(stat.waited)}, ${formatPercent(stat.waited, life.to - life.from)} of its time`],
        ['Deadline misses', String(stat.misses), stat.misses > 0 ? 'bad' : ''],
      ],
    };
  }
}

/** A description as elements. */
function render({ title, colour, facts }) {
  const heading = element('h3');
  if (colour) heading.append(element('i', { class: 'swatch', style: `background:${colour}` }));
  heading.append(title);
  const list = element('dl', { class: 'facts' });
  for (const [name, text, kind] of facts)
    list.append(element('dt', {}, name), element('dd', kind ? { class: kind } : {}, text));
  return [heading, list];
}

class Panel {
  constructor(trace, view) {
    this.trace = trace;
    this.view = view;
    this.describer = new Describer(trace, view);
    this.tip = document.getElementById('tip');
    this.details = document.getElementById('details');
    this.sortedBy = { column: 0, down: false };
    this.columns = [
      { title: 'Thread', text: (s) => s.name, key: (s) => s.name },
      { title: 'pid', text: (s) => String(s.pid), key: (s) => s.pid },
      { title: 'ran', text: (s) => formatDuration(s.ran), key: (s) => s.ran },
      { title: 'waited', text: (s) => formatDuration(s.waited), key: (s) => s.waited },
      { title: 'p99 lat.', text: (s) => (s.latency.count ? formatDuration(s.latency.percentile(99)) : '-'),
        key: (s) => (s.latency.count ? s.latency.percentile(99) : -1) },
      { title: 'latency', text: () => '', key: (s) => s.latency.count, chart: true },
      { title: 'miss', text: (s) => String(s.misses), key: (s) => s.misses },
    ];
    // One scale for all histograms, so that they can be compared.
    const all = trace.allLatencies;
    this.low = all.count ? 10 ** Math.floor(Math.log10(Math.max(1, all.min))) : 1e3;
    this.high = all.count ? 10 ** Math.ceil(Math.log10(Math.max(all.max, this.low * 10) + 1)) : 1e6;
    this.makeHeads();
    this.fillTable();
  }

  // Tip and details.

  showTip(hit, x, y) {
    const description = this.describer.describe(hit);
    this.tip.hidden = !description;
    if (!description) return;
    this.tip.replaceChildren(...render(description));
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(4, Math.min(x + 14, window.innerWidth - width - 8))}px`;
    this.tip.style.top = `${y + 18 + height > window.innerHeight ? Math.max(4, y - height - 12) : y + 18}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  update() {
    const { view } = this;
    const description = this.describer.describe(view.chosen) ?? (view.thread ? this.describer.thread(view.thread) : null);
    if (description) this.details.replaceChildren(...render(description));
    else
      this.details.replaceChildren(
        element('h3', {}, 'Nothing chosen'),
        element('p', { class: 'hint' }, 'Point at a run to see why it was picked; click to keep it here. A click on a ' +
          'thread shows who wakes it, and how long it then waits. Press ? for keys.'));
    this.markTable();
    this.drawHistogram();
  }

  // Latencies.

  drawHistogram() {
    const thread = this.view.thread;
    const latency = thread ? this.trace.stats[thread].latency : this.trace.allLatencies;
    const who = thread ? this.trace.label(thread) : 'all threads';
    document.getElementById('latency-title').textContent = `Wake-up latency of ${who}`;
    const text = document.getElementById('latency-text');
    const canvas = document.getElementById('histogram');
    canvas.hidden = latency.count === 0;
    if (latency.count === 0) {
      text.textContent = thread ? 'This thread was not woken and run within the trace.' : 'No thread was woken and run within the trace.';
      return;
    }
    text.textContent = `${plural(latency.count, 'wake-up', 'wake-ups')}: min ${formatDuration(latency.min)}, ` +
      `p50 ${formatDuration(latency.percentile(50))}, p99 ${formatDuration(latency.percentile(99))}, ` +
      `max ${formatDuration(latency.max)}`;
    canvas.setAttribute('aria-label', `Histogram of wake-up latencies of ${who}: ${text.textContent}`);
    const { context, width, height } = prepareCanvas(canvas);
    this.plotHistogram(context, latency, { left: 34, right: width - 10, top: 16, bottom: height - 32 });
  }

  plotHistogram(context, latency, box) {
    const { css } = this.view;
    const counts = latency.bins(Math.max(10, Math.floor((box.right - box.left) / 5)), this.low, this.high);
    const most = Math.max(...counts);
    const place = (ns) => box.left + (Math.log(ns / this.low) / Math.log(this.high / this.low)) * (box.right - box.left);
    context.fillStyle = css.soft;
    context.textAlign = 'right';
    context.fillText(formatCount(most), box.left - 4, box.top + 4);
    context.fillText('0', box.left - 4, box.bottom - 2);
    context.textAlign = 'left';
    context.fillText('wake-ups', 2, 6);
    context.fillRect(box.left, box.bottom, box.right - box.left, 1);
    context.textAlign = 'center';
    for (let ns = this.low; ns <= this.high * 1.001; ns *= 10) {
      context.fillStyle = css.grid;
      context.fillRect(Math.round(place(ns)), box.top, 1, box.bottom - box.top);
      context.fillStyle = css.soft;
      context.fillText(formatDuration(ns).replace('.00', '').replace('.0', ''), Math.min(place(ns), box.right - 10), box.bottom + 10);
    }
    context.fillText('latency, from waking to running (logarithmic)', (box.left + box.right) / 2, box.bottom + 24);
    context.fillStyle = this.view.thread ? this.view.colours[this.view.thread] : css.accent;
    const bar = (box.right - box.left) / counts.length;
    counts.forEach((count, i) => {
      const height = count === 0 ? 0 : Math.max(2, (count / most) * (box.bottom - box.top));
      context.fillRect(box.left + i * bar, box.bottom - height, Math.max(1, bar - 0.8), height);
    });
    context.fillStyle = css.text;
    for (const [name, percent] of [['p50', 50], ['p99', 99]]) {
      const x = place(Math.max(latency.percentile(percent), this.low));
      context.fillRect(x, box.top - 4, 1, box.bottom - box.top + 4);
      context.fillText(name, percent === 50 ? x - 10 : x + 10, box.top - 9);
    }
    context.textAlign = 'left';
  }

  // The table.

  makeHeads() {
    document.getElementById('thread-heads').replaceChildren(
      ...this.columns.map((column, i) => {
        const button = element('button', { type: 'button' }, column.title);
        button.addEventListener('click', () => {
          this.sortedBy = { column: i, down: this.sortedBy.column === i ? !this.sortedBy.down : i > 1 };
          this.fillTable();
          this.markTable();
        });
        return element('th', { scope: 'col' }, button);
      }));
  }

  fillTable() {
    const { column, down } = this.sortedBy;
    const { key } = this.columns[column];
    const sorted = this.trace.stats.slice(1).sort((x, y) => {
      const [a, b] = [key(x), key(y)];
      return (a < b ? -1 : a > b ? 1 : x.pid - y.pid) * (down ? -1 : 1);
    });
    this.tableRows = new Map();
    const rows = sorted.map((stat) => {
      const row = element('tr', { tabindex: '0', 'data-thread': stat.thread });
      this.columns.forEach((each, i) => {
        const cell = element('td', each.title === 'miss' && stat.misses > 0 ? { class: 'bad' } : {}, each.text(stat));
        if (i === 0) cell.prepend(element('i', { class: 'swatch', style: `background:${this.view.colours[stat.thread]}` }));
        if (each.chart) this.addSpark(cell, stat);
        row.append(cell);
      });
      this.tableRows.set(stat.thread, row);
      return row;
    });
    if (rows.length === 0) rows.push(element('tr', {}, element('td', { class: 'hint' }, 'No threads.')));
    document.getElementById('thread-rows').replaceChildren(...rows);
    [...document.getElementById('thread-heads').children].forEach((head, i) => {
      if (i === column) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
  }

  /** A thread's latencies at a glance, on the scale of the large histogram. */
  addSpark(cell, stat) {
    if (stat.latency.count === 0) {
      cell.append('-');
      return;
    }
    const canvas = element('canvas', { width: '104', height: '32', 'aria-hidden': 'true' });
    cell.append(canvas);
    cell.title = `${plural(stat.latency.count, 'wake-up', 'wake-ups')}, p50 ${formatDuration(stat.latency.percentile(50))}`;
    const context = canvas.getContext('2d');
    context.fillStyle = this.view.css.soft;
    context.fillRect(0, 31, 104, 1);
    context.fillStyle = this.view.colours[stat.thread];
    const counts = stat.latency.bins(26, this.low, this.high);
    const most = Math.max(...counts);
    counts.forEach((count, i) => {
      const height = count === 0 ? 0 : Math.max(4, (count / most) * 30);
      context.fillRect(i * 4, 31 - height, 3, height);
    });
  }

  markTable() {
    for (const [thread, row] of this.tableRows) row.setAttribute('aria-selected', thread === this.view.thread);
  }
}
