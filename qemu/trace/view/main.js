// SPDX-License-Identifier: Apache-2.0
// Brings the page to life: mouse, keys, buttons, theme.
'use strict';

const byId = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.trace = new Trace(JSON.parse(byId('trace').textContent));
    this.setTheme(this.savedTheme() ?? this.systemTheme());
    this.view = new View(this.trace);
    this.panel = new Panel(this.trace, this.view);
    this.search = new Search(this.trace);
    this.view.afterDraw = () => this.showStatus();
    this.showSummary();
    this.showBanners();
    this.listen();
    this.panel.update();
  }

  // What is said once.

  showSummary() {
    const { trace } = this;
    const misses = trace.misses.length;
    byId('summary').append(
      `${plural(trace.cpus.length, 'CPU', 'CPUs')}, ${plural(trace.threads.length - 1, 'thread', 'threads')}, ` +
        `${plural(trace.eventCount, 'event', 'events')} in ${formatDuration(trace.span)}, `,
      misses > 0
        ? element('span', { class: 'bad' }, plural(misses, 'deadline miss', 'deadline misses'))
        : 'no deadline misses');
    byId('miss').disabled = misses === 0;
    const empty = trace.eventCount === 0;
    byId('empty').hidden = !empty;
    for (const id of ['overview', 'axis', 'rows']) byId(id).hidden = empty;
    byId('lost-key').hidden = trace.lost.length === 0;
  }

  showBanners() {
    const { lost, completeFrom, violations } = this.trace;
    if (lost.length > 0) {
      const sum = lost.reduce((all, { count }) => all + count, 0);
      const each = lost.map(({ cpu, count }) => `CPU ${cpu}: ${formatCount(count)}`).join(', ');
      byId('banners').append(element('p', { class: 'banner', role: 'alert', id: 'lost-banner' },
        `${plural(sum, 'event was', 'events were')} overwritten before they could be saved (${each}). Before ` +
        `${formatMoment(completeFrom)} (shaded) the trace has gaps; a shorter run (--duration) keeps everything.`));
    }
    if (violations.length > 0) {
      const list = element('ul');
      for (const { rule, text } of violations.slice(0, 100)) list.append(element('li', {}, `${rule}: ${text}`));
      byId('banners').append(element('details', { class: 'banner', role: 'alert', id: 'violation-banner' },
        element('summary', {}, `This trace contradicts itself in ${plural(violations.length, 'place', 'places')}: ` +
          'the scheduler or its tracing is at fault. Do not trust the picture.'), list));
    }
  }

  showStatus() {
    const { view } = this;
    const shown = `In view: ${formatMoment(view.from)} to ${formatMoment(view.to)} (${formatDuration(view.to - view.from)})`;
    const cursor = view.cursor === undefined ? '' : `. Pointer: ${formatMoment(view.cursor)}`;
    const dragged = view.dragged ? `. Selected: ${formatDuration(Math.abs(view.dragged[1] - view.dragged[0]))}` : '';
    byId('status').textContent = [`${shown}${cursor}${dragged}`, ...view.notes].join('. ');
  }

  // Theme.

  savedTheme() {
    try {
      return localStorage.getItem('runnel-theme');
    } catch {
      return null; // a browser may forbid it
    }
  }

  systemTheme() {
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }

  setTheme(name) {
    document.documentElement.dataset.theme = name;
    this.view?.readColours();
    this.panel?.fillTable();
    this.panel?.update();
  }

  toggleTheme() {
    const name = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem('runnel-theme', name);
    } catch {
      // then it lasts as long as the page
    }
    this.setTheme(name);
  }

  // Choosing.

  choose(hit) {
    const { view } = this;
    view.chosen = hit;
    if (hit?.kind === 'slice') view.thread = this.trace.slices.thread[hit.id];
    if (hit?.kind === 'wait') view.thread = this.trace.waits.thread[hit.id];
    if (hit?.kind === 'mark') view.thread = this.trace.marks.thread[hit.id];
    if (!hit) view.thread = 0;
    view.changed();
    this.panel.update();
  }

  chooseThread(thread) {
    this.view.chosen = null;
    this.view.thread = thread === this.view.thread ? 0 : thread;
    this.view.revealThread(this.view.thread);
    this.view.changed();
    this.panel.update();
  }

  /** Previous or next run of the chosen thread. */
  stepSlice(by) {
    const { view } = this;
    if (view.thread === 0) return;
    const { ran } = this.trace.threadRows[view.thread];
    const middle = (view.from + view.to) / 2;
    const now = view.chosen?.kind === 'slice' ? this.trace.slices.start[view.chosen.id] : middle;
    const i = by > 0 ? upperBound(ran.start, now) : upperBound(ran.start, now - 1) - 1;
    if (i < 0 || i >= ran.count) return;
    view.reveal(ran.start[i], ran.end[i]);
    this.choose({ kind: 'slice', id: ran.id[i] });
  }

  spanOf(hit) {
    const { slices, waits, marks, interrupts, wakeups } = this.trace;
    switch (hit?.kind) {
      case 'slice':
      case 'idle':
        return [slices.start[hit.id], slices.end[hit.id]];
      case 'wait':
        return [waits.start[hit.id], waits.end[hit.id]];
      case 'irq':
        return [interrupts.start[hit.id], interrupts.end[hit.id]];
      case 'mark':
        return [marks.time[hit.id], marks.time[hit.id]];
      case 'wakeup':
        return [wakeups.waking[hit.id], wakeups.waking[hit.id] + wakeups.latency[hit.id]];
      default:
        return null;
    }
  }

  zoomToChosen() {
    const span = this.spanOf(this.view.chosen);
    if (!span) return;
    const room = Math.max((span[1] - span[0]) * 0.5, 1000);
    this.view.show(span[0] - room, span[1] + room);
  }

  nextMiss() {
    const { marks, misses } = this.trace;
    if (misses.length === 0) return;
    const now = this.view.chosen?.kind === 'mark' ? marks.time[this.view.chosen.id] : -1;
    const id = misses.find((miss) => marks.time[miss] > now) ?? misses[0];
    this.go({ kind: 'mark', id });
  }

  /** Brings something into view and chooses it. */
  go(hit) {
    const [from, to] = this.spanOf(hit);
    this.view.reveal(from, to);
    if (hit.kind === 'wakeup') {
      const { wakeups } = this.trace;
      const id = this.trace.threadRows[wakeups.thread[hit.id]].ran.at(to);
      this.choose(id >= 0 ? { kind: 'slice', id } : null);
    } else {
      this.choose(hit);
    }
    this.view.revealThread(this.view.thread);
  }

  // Search.

  runSearch(text) {
    this.search.find(text);
    this.view.matches = this.search.matches;
    this.view.matchTimes = this.search.ticks();
    this.view.changed();
    this.showFound();
  }

  stepSearch(by) {
    const hit = this.search.step(by, this.view.from);
    if (hit) this.go(hit);
    this.showFound();
  }

  showFound() {
    byId('found').textContent = this.search.text();
    byId('previous').disabled = byId('next').disabled = this.search.hits.length === 0;
  }

  // Wiring.

  listen() {
    const clicks = {
      'zoom-in': () => this.view.zoom(1 / 1.6),
      'zoom-out': () => this.view.zoom(1.6),
      fit: () => this.view.show(0, this.view.span),
      miss: () => this.nextMiss(),
      theme: () => this.toggleTheme(),
      'help-button': () => byId('help').showModal(),
      previous: () => this.stepSearch(-1),
      next: () => this.stepSearch(1),
    };
    for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener('click', act);
    byId('query').addEventListener('input', (event) => this.runSearch(event.target.value));
    byId('search').addEventListener('submit', (event) => event.preventDefault());
    const rowOf = (event) => event.target.closest('tr[data-thread]');
    byId('thread-rows').addEventListener('click', (event) => {
      const row = rowOf(event);
      if (row) this.chooseThread(Number(row.dataset.thread));
    });
    byId('thread-rows').addEventListener('keydown', (event) => {
      const row = rowOf(event);
      if (row && (event.key === 'Enter' || event.key === ' ')) {
        event.preventDefault();
        this.chooseThread(Number(row.dataset.thread));
      }
    });
    document.addEventListener('keydown', (event) => this.key(event));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      if (!this.savedTheme()) this.setTheme(this.systemTheme());
    });
    new ResizeObserver(() => {
      this.view.changed(true);
      this.panel.drawHistogram();
    }).observe(byId('timeline'));
    byId('rows').addEventListener('scroll', () => this.view.changed());
    this.listenToChart();
    this.listenToRange(byId('axis'), (x) => this.view.time(x), (from, to) => this.view.show(from, to));
    const whole = (x) => ((x - GUTTER) / this.view.plotWidth) * this.view.span;
    this.listenToRange(byId('overview'), whole, (from, to) => this.view.show(from, to), (time) => {
      const half = (this.view.to - this.view.from) / 2;
      this.view.show(time - half, time + half);
    });
    byId('overview').addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    byId('axis').addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    byId('axis').addEventListener('dblclick', () => this.view.show(0, this.view.span));
  }

  wheel(event) {
    event.preventDefault();
    const { view } = this;
    const x = event.clientX - view.chart.getBoundingClientRect().left;
    // Browsers turn Shift+wheel into sideways scrolling, or do not.
    const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (event.altKey || x < GUTTER) byId('rows').scrollTop += event.deltaY;
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) view.move(sideways);
    else view.zoom(1.0018 ** event.deltaY, x);
  }

  listenToChart() {
    const { view } = this;
    const { chart } = view;
    let grip = null; // where a drag began
    const place = (event) => {
      const box = chart.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    chart.addEventListener('wheel', (event) => {
      this.wheel(event);
      this.point(...place(event), event);
    }, { passive: false });
    chart.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const [x, y] = place(event);
      grip = { x, y, far: false, from: view.from, top: byId('rows').scrollTop, range: event.shiftKey };
      if (grip.range) view.dragged = [view.time(x), view.time(x)];
      chart.setPointerCapture(event.pointerId);
    });
    chart.addEventListener('pointermove', (event) => {
      const [x, y] = place(event);
      if (!grip) {
        this.point(x, y, event);
        return;
      }
      grip.far ||= Math.hypot(x - grip.x, y - grip.y) > 4;
      if (!grip.far) return;
      this.panel.hideTip();
      if (grip.range) {
        view.dragged[1] = view.time(x);
        view.changed();
        return;
      }
      chart.classList.add('dragging');
      const length = view.to - view.from;
      const from = grip.from - ((x - grip.x) / view.plotWidth) * length;
      view.show(from, from + length);
      byId('rows').scrollTop = grip.top - (y - grip.y);
    });
    const release = (event) => {
      if (!grip) return;
      const [x, y] = place(event);
      const { far, range } = grip;
      grip = null;
      chart.classList.remove('dragging');
      const dragged = view.dragged;
      view.dragged = null;
      if (range && far) view.show(Math.min(...dragged), Math.max(...dragged));
      else if (!far && event.type === 'pointerup') this.click(x, y);
      view.changed();
    };
    chart.addEventListener('pointerup', release);
    chart.addEventListener('pointercancel', release);
    chart.addEventListener('pointerleave', () => {
      view.hover = null;
      view.cursor = undefined;
      this.panel.hideTip();
      view.changed();
    });
    chart.addEventListener('dblclick', () => (view.chosen ? this.zoomToChosen() : view.show(0, view.span)));
  }

  /** The pointer rests at a point of the chart. */
  point(x, y, event) {
    const { view } = this;
    view.hover = view.hitAt(x, y);
    view.cursor = x >= GUTTER ? view.time(x) : undefined;
    view.chart.classList.toggle('choosing', view.hover !== null && view.hover.kind !== 'nothing');
    this.panel.showTip(view.hover, event.clientX, event.clientY);
    view.changed();
  }

  click(x, y) {
    const hit = this.view.hitAt(x, y);
    this.view.chart.focus({ preventScroll: true });
    if (hit?.kind === 'name') {
      if (hit.lane.kind === 'thread') this.chooseThread(hit.id);
      return;
    }
    this.choose(hit?.kind === 'nothing' ? null : hit);
  }

  /** A range is chosen by dragging in `canvas`; a click there is `clicked`. */
  listenToRange(canvas, timeAt, chosen, clicked = () => {}) {
    const { view } = this;
    let start = null;
    const at = (event) => timeAt(event.clientX - canvas.getBoundingClientRect().left);
    canvas.addEventListener('pointerdown', (event) => {
      start = { time: at(event), x: event.clientX };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!start) return;
      view.dragged = [start.time, at(event)];
      view.changed();
    });
    canvas.addEventListener('pointerup', (event) => {
      if (!start) return;
      const range = [start.time, at(event)];
      const far = Math.abs(event.clientX - start.x) > 4;
      start = view.dragged = null;
      if (far) chosen(Math.min(...range), Math.max(...range));
      else clicked(range[0]);
      view.changed();
    });
  }

  key(event) {
    const typing = event.target === byId('query');
    if (event.key === 'Escape' && !byId('help').open) {
      byId('query').value = '';
      this.runSearch('');
      this.choose(null);
      this.panel.hideTip();
      focusChart(this.view);
      return;
    }
    if (event.ctrlKey || event.metaKey || byId('help').open) return;
    if (typing) {
      if (event.key === 'Enter') this.stepSearch(event.shiftKey ? -1 : 1);
      return;
    }
    const act = this.keyAction(event.key);
    if (!act) return;
    event.preventDefault();
    this.view.hover = null; // what the tip tells of may lie elsewhere now
    this.panel.hideTip();
    act();
  }

  keyAction(key) {
    const { view } = this;
    const step = view.plotWidth / 5;
    const rows = byId('rows');
    return {
      w: () => view.zoom(1 / 1.6, this.zoomPlace()),
      '+': () => view.zoom(1 / 1.6, this.zoomPlace()),
      '=': () => view.zoom(1 / 1.6, this.zoomPlace()),
      s: () => view.zoom(1.6, this.zoomPlace()),
      '-': () => view.zoom(1.6, this.zoomPlace()),
      a: () => view.move(-step),
      ArrowLeft: () => view.move(-step),
      d: () => view.move(step),
      ArrowRight: () => view.move(step),
      ArrowUp: () => (rows.scrollTop -= THREAD_HEIGHT * 2),
      ArrowDown: () => (rows.scrollTop += THREAD_HEIGHT * 2),
      PageUp: () => (rows.scrollTop -= rows.clientHeight * 0.9),
      PageDown: () => (rows.scrollTop += rows.clientHeight * 0.9),
      f: () => view.show(0, view.span),
      Home: () => view.show(0, view.span),
      z: () => this.zoomToChosen(),
      m: () => this.nextMiss(),
      t: () => this.toggleTheme(),
      n: () => this.stepSearch(1),
      N: () => this.stepSearch(-1),
      ',': () => this.stepSlice(-1),
      '.': () => this.stepSlice(1),
      '/': () => byId('query').select(),
      '?': () => byId('help').showModal(),
    }[key];
  }

  /** Keys zoom around what is chosen when it is in view, else around the pointer, else the middle. */
  zoomPlace() {
    const { view } = this;
    const span = this.spanOf(view.chosen);
    const inView = (time) => time !== undefined && time >= view.from && time <= view.to;
    if (span && inView((span[0] + span[1]) / 2)) return view.x((span[0] + span[1]) / 2);
    return inView(view.cursor) ? view.x(view.cursor) : undefined;
  }
}

/** Keys act on the chart again. */
function focusChart(view) {
  document.activeElement?.blur?.();
  view.chart.focus({ preventScroll: true });
}

window.runnelTrace = new Page();
