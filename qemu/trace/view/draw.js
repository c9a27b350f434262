// SPDX-License-Identifier: Apache-2.0
// The three canvases: the whole trace, the axis, the rows. Only what is visible is drawn, and what is narrower than a
// pixel is merged: a frame costs what the screen is wide, however many events there are.
'use strict';

const FONT = '11.5px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const FAR = 3000; // pixels
const CHARACTER = 6.4; // its usual width in that font

/** Hues in the order of the golden angle, so that neighbours differ; none is red, which is for misses. */
function threadColour(index) {
  return `hsl(${Math.round(35 + ((index * 137.508) % 300))} 58% 66%)`;
}

/** Sizes a canvas to its box and the screen's pixels; {context, width, height} in CSS pixels. */
function prepareCanvas(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  return { context, width, height };
}

class View extends Geometry {
  constructor(trace) {
    super(trace);
    this.frame = { count: 0, last: 0, worst: 0 };
    this.colours = trace.threads.map((thread, i) => threadColour(i));
    this.readColours();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    this.css = {};
    for (const name of ['back', 'panel', 'edge', 'grid', 'text', 'soft', 'accent', 'band', 'merged', 'wait', 'wait-back',
      'sleep', 'irq', 'arrow', 'mark', 'miss', 'lost', 'chosen', 'on-colour'])
      this.css[name] = style.getPropertyValue(`--${name}`).trim();
    this.hatching = this.makeHatching();
    this.changed(true);
  }

  /** What a waiting thread's bar is filled with. */
  makeHatching() {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const context = tile.getContext('2d');
    context.fillStyle = this.css['wait-back'];
    context.fillRect(0, 0, 6, 6);
    context.strokeStyle = this.css.wait;
    context.lineWidth = 1.3;
    context.beginPath();
    for (const shift of [-6, 0, 6]) {
      context.moveTo(shift, 6);
      context.lineTo(shift + 6, 0);
    }
    context.stroke();
    return context.createPattern(tile, 'repeat');
  }

  /** Draws again before the next frame. */
  changed(wholeToo = false) {
    if (wholeToo) this.whole = null;
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  draw() {
    const start = performance.now();
    this.notes = [];
    this.measure();
    this.drawOverview();
    this.drawAxis();
    this.drawChart();
    this.frame.last = performance.now() - start;
    this.frame.worst = Math.max(this.frame.worst, this.frame.last);
    this.frame.count++;
    this.afterDraw?.();
  }

  // The whole trace.

  drawOverview() {
    const { context, width, height } = prepareCanvas(this.overview);
    this.whole ??= this.makeWhole(width, height);
    context.drawImage(this.whole, 0, 0, width, height);
    const scale = (width - GUTTER) / this.span;
    const left = GUTTER + this.from * scale;
    const right = GUTTER + this.to * scale;
    context.fillStyle = this.css.back;
    context.globalAlpha = 0.65;
    context.fillRect(GUTTER, 0, left - GUTTER, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 1;
    context.strokeStyle = this.css.accent;
    context.lineWidth = 1.5;
    context.strokeRect(left + 0.75, 0.75, Math.max(3, right - left - 1.5), height - 1.5);
    context.fillStyle = this.css.accent;
    for (const time of this.matchTimes) context.fillRect(GUTTER + time * scale - 0.5, 0, 1, 5);
  }

  makeWhole(width, height) {
    const image = document.createElement('canvas');
    const pixels = window.devicePixelRatio || 1;
    image.width = Math.max(1, width * pixels);
    image.height = Math.max(1, height * pixels);
    const context = image.getContext('2d');
    context.scale(pixels, pixels);
    context.font = FONT;
    context.fillStyle = this.css.soft;
    context.fillText('Busy CPUs', 8, 18);
    context.fillText(`0 to ${this.trace.cpus.length}, whole trace`, 8, 34);
    const perPixel = this.span / (width - GUTTER);
    if (this.trace.completeFrom > 0) {
      context.fillStyle = this.css.lost;
      context.fillRect(GUTTER, 0, this.trace.completeFrom / perPixel, height);
    }
    context.fillStyle = this.css.merged;
    for (let x = 0; x < width - GUTTER; x++) {
      let busy = 0;
      for (const row of this.trace.cpuRows) busy += row.ran.covered(x * perPixel, (x + 1) * perPixel);
      const share = busy / (perPixel * this.trace.cpus.length);
      context.fillRect(GUTTER + x, height - share * (height - 8), 1, share * (height - 8));
    }
    context.fillStyle = this.css.miss;
    for (const id of this.trace.misses)
      context.fillRect(GUTTER + this.trace.marks.time[id] / perPixel - 1, 0, 2, height);
    return image;
  }

  // The axis.

  drawAxis() {
    const { context, width, height } = prepareCanvas(this.axis);
    const { step, unit, base, ticks } = axisTicks(this.from, this.to, ((this.to - this.from) / this.plotWidth) * 84);
    this.ticks = ticks;
    this.step = step;
    context.fillStyle = this.css.soft;
    context.fillText(base === 0 ? 'Time since the' : `Time since ${formatMoment(base)}`, 8, 10, GUTTER - 12);
    context.fillText(base === 0 ? `trace's start [${unit.name}]` : `[${unit.name}]`, 8, 25);
    context.strokeStyle = this.css.soft;
    context.lineWidth = 1;
    context.textAlign = 'center';
    context.save();
    context.beginPath();
    context.rect(GUTTER - 6, 0, width, height);
    context.clip();
    context.beginPath();
    const line = (time, length) => {
      const x = Math.round(this.x(time)) + 0.5;
      context.moveTo(x, height);
      context.lineTo(x, height - length);
    };
    const minor = step / 5;
    for (let n = Math.ceil(this.from / minor); n * minor <= this.to; n++) line(n * minor, 4);
    for (const tick of ticks) line(tick.at, 9);
    context.stroke();
    context.fillStyle = this.css.text;
    for (const tick of ticks)
      context.fillText(tick.label, Math.min(Math.max(this.x(tick.at), GUTTER), width - 12), 13);
    if (this.dragged) {
      const [a, b] = this.dragged.map((time) => this.x(time));
      context.fillStyle = this.css.accent;
      context.globalAlpha = 0.25;
      context.fillRect(Math.min(a, b), 0, Math.abs(b - a), height);
    }
    context.restore();
    context.textAlign = 'left';
  }

  // The rows.

  drawChart() {
    this.chart.style.height = `${Math.max(this.scroller.clientHeight, 50)}px`;
    const { context, width, height } = prepareCanvas(this.chart);
    this.context = context;
    const top = this.scroller.scrollTop;
    const visible = this.lanes.filter((lane) => lane.y + lane.height > top && lane.y < top + height);
    context.save();
    context.translate(0, -top);
    this.drawGround(visible, width, top, height);
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, width, height);
    context.clip();
    for (const lane of visible) {
      if (lane.kind === 'cpu') this.drawCpu(lane);
      if (lane.kind === 'thread') this.drawThread(lane);
    }
    this.drawArrows();
    this.drawOutlines();
    this.drawMisses(visible);
    this.drawCursor(top, height);
    context.restore();
    this.drawNames(visible);
    context.restore();
    this.drawScale(width, height);
  }

  drawGround(visible, width, top, height) {
    const { context, css } = this;
    let odd = false;
    for (const lane of visible) {
      odd = !odd;
      context.fillStyle = lane.kind === 'head' ? css.panel : odd ? css.band : css.back;
      context.fillRect(0, lane.y, width, lane.height);
    }
    if (this.trace.completeFrom > this.from) {
      context.fillStyle = css.lost;
      context.fillRect(GUTTER, top, this.x(this.trace.completeFrom) - GUTTER, height);
    }
    context.fillStyle = css.grid;
    for (const tick of this.ticks) context.fillRect(Math.round(this.x(tick.at)), top, 1, height);
  }

  drawNames(visible) {
    const { context, css } = this;
    for (const lane of visible) {
      const middle = lane.y + lane.height / 2;
      if (lane.kind === 'head') {
        context.fillStyle = css.text;
        context.font = `600 ${FONT}`;
        context.fillText(lane.name, 8, middle);
        context.font = FONT;
        continue;
      }
      const chosen = lane.kind === 'thread' && lane.row.thread === this.thread;
      context.fillStyle = chosen ? css.accent : css.panel;
      context.fillRect(0, lane.y, GUTTER - 1, lane.height - 1);
      if (lane.kind === 'thread') {
        context.fillStyle = this.colours[lane.row.thread];
        context.fillRect(6, middle - 5, 10, 10);
      }
      context.fillStyle = chosen ? css.back : css.text;
      context.fillText(lane.name, lane.kind === 'thread' ? 22 : 8, middle, GUTTER - 28);
    }
    context.fillStyle = css.edge;
    context.fillRect(GUTTER - 1, 0, 1, this.height);
  }

  /** A bar that stands for [from, to) on the bottom right, so that lengths can be judged by eye. */
  drawScale(width, height) {
    const { context, css } = this;
    const length = roundUp125(((this.to - this.from) / this.plotWidth) * 60);
    const pixels = (length / (this.to - this.from)) * this.plotWidth;
    const right = width - 12;
    const y = height - 8;
    const label = formatDuration(length).replace('.00', '').replace('.0', '');
    context.fillStyle = css.back;
    context.globalAlpha = 0.8;
    context.fillRect(right - pixels - 8, y - 22, pixels + 16, 28);
    context.globalAlpha = 1;
    context.strokeStyle = css.text;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [x1, y1, x2, y2] of [[right - pixels, y, right, y], [right, y - 4, right, y + 4],
      [right - pixels, y - 4, right - pixels, y + 4]]) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
    context.fillStyle = css.text;
    context.textAlign = 'center';
    context.fillText(label, right - pixels / 2, y - 13);
    context.textAlign = 'left';
  }

  drawCpu(lane) {
    const { row, y } = lane;
    this.drawRuns(row.ran, y + 4, 24, (id) => this.trace.threads[this.trace.slices.thread[id]].name);
    this.drawBars(row.irqs, y + 30, 4, this.css.irq);
    this.drawMarks(row.marks, y + 3.5);
  }

  drawThread(lane) {
    const { row, y } = lane;
    const life = this.lives[row.thread];
    if (life.from < this.to && life.to > this.from) {
      this.context.fillStyle = this.css.sleep;
      const left = Math.max(GUTTER, this.x(life.from));
      this.context.fillRect(left, y + 11, Math.min(this.x(life.to), GUTTER + this.plotWidth) - left, 2);
    }
    this.drawBars(row.waits, y + 7, 10, this.hatching);
    this.drawRuns(row.ran, y + 3, 17, (id) => `CPU ${this.trace.slices.cpu[id]}`);
    this.drawMarks(row.marks, y + 3.5);
  }

  /** How visible a slice is while something is searched for or a thread is chosen. */
  strength(id) {
    if (this.matches) return this.matches.slices[id] ? 1 : 0.16;
    return this.thread === 0 || this.trace.slices.thread[id] === this.thread ? 1 : 0.38;
  }

  /**
   * Spans of a row in their threads' colours. Those narrower than a pixel are merged into one stripe: in the colour
   * of the one that has most of it, the paler the less of it is covered. Equal stripes side by side are one.
   */
  drawRuns(row, y, height, labelOf) {
    const { slices } = this.trace;
    const perPixel = (this.to - this.from) / this.plotWidth;
    let stripe = null;
    let i = row.firstAfter(this.from);
    while (i < row.count && row.start[i] < this.to) {
      const left = this.x(row.start[i]);
      const right = this.x(row.end[i]);
      if (right - left >= 1) {
        this.drawRun(row.id[i++], left, right, y, height, labelOf);
        continue;
      }
      const pixel = Math.floor(left);
      // Those that begin in this pixel, but for a last one that is wider than it.
      let next = upperBound(row.start, this.time(pixel + 1), i + 1);
      if (next - i > 1 && row.end[next - 1] - row.start[next - 1] >= perPixel) next--;
      const id = this.largest(row, i, next);
      const share = Math.min(1, (row.sum[next] - row.sum[i]) / perPixel);
      const alpha = this.strength(id) * (0.3 + 0.7 * Math.ceil(share * 4) / 4);
      const colour = this.colours[slices.thread[id]];
      if (stripe?.right === pixel && stripe.colour === colour && stripe.alpha === alpha) {
        stripe.right = pixel + 1;
      } else {
        this.drawStripe(stripe, y, height);
        stripe = { left: pixel, right: pixel + 1, colour, alpha };
      }
      i = next;
    }
    this.drawStripe(stripe, y, height);
    this.context.globalAlpha = 1;
  }

  drawStripe(stripe, y, height) {
    if (!stripe) return;
    this.context.globalAlpha = stripe.alpha;
    this.context.fillStyle = stripe.colour;
    this.context.fillRect(stripe.left, y, stripe.right - stripe.left, height);
  }

  drawRun(id, left, right, y, height, labelOf) {
    const { context } = this;
    const start = Math.max(left, GUTTER - 2);
    const shown = Math.min(right, GUTTER + this.plotWidth + 2) - start;
    const filled = shown > 3 ? shown - 0.7 : shown;
    const strength = this.strength(id);
    if (strength < 1) {
      // A pale bar hides what is behind it as a full one does.
      context.globalAlpha = 1;
      context.fillStyle = this.css.back;
      context.fillRect(start, y, filled, height);
    }
    context.globalAlpha = strength;
    context.fillStyle = this.colours[this.trace.slices.thread[id]];
    context.fillRect(start, y, filled, height);
    if (shown <= 26) return;
    context.fillStyle = this.css['on-colour'];
    context.fillText(labelOf(id).slice(0, Math.floor((shown - 6) / CHARACTER)), start + 4, y + height / 2);
  }

  /** Of the spans from..to the longest, or, of very many, the longest of a sample; a match comes first. */
  largest(row, from, to) {
    const step = Math.max(1, Math.floor((to - from) / 16));
    let best = row.id[from];
    let length = -1;
    for (let i = from; i < to; i += step) {
      const weight = (row.end[i] - row.start[i]) * (this.matches?.slices[row.id[i]] ? 1e6 : 1);
      if (weight > length) [best, length] = [row.id[i], weight];
    }
    return best;
  }

  /** Spans of a row in one colour. What touches or lies in the same pixel is one bar. */
  drawBars(row, y, height, fill) {
    const { context } = this;
    context.fillStyle = fill;
    context.globalAlpha = this.matches ? 0.5 : 1;
    let from = 0;
    let to = -1; // of the bar so far
    const finish = () => {
      if (to > from) context.fillRect(from, y, Math.max(1, to - from), height);
    };
    let i = row.firstAfter(this.from);
    while (i < row.count && row.start[i] < this.to) {
      const left = Math.max(this.x(row.start[i]), GUTTER - 2);
      const right = Math.min(Math.max(this.x(row.end[i]), left + 1), GUTTER + this.plotWidth + 2);
      if (left > to + 0.5) {
        finish();
        from = left;
      }
      to = Math.max(to, right);
      i = Math.max(i + 1, upperBound(row.end, this.time(to), i + 1));
    }
    finish();
    context.globalAlpha = 1;
  }

  /** Marks of a row, one a pixel; misses are drawn over everything else later. */
  drawMarks(ids, y) {
    const { context } = this;
    const { marks, missType } = this.trace;
    context.fillStyle = this.css.mark;
    let i = upperBound(ids, upperBound(marks.time, this.from) - 1);
    while (i < ids.length && marks.time[ids[i]] <= this.to) {
      const id = ids[i];
      const x = this.x(marks.time[id]);
      if (marks.type[id] !== missType) {
        context.globalAlpha = this.matches && !this.matches.marks[id] ? 0.3 : 1;
        context.beginPath();
        context.moveTo(x, y - 3.5);
        context.lineTo(x + 3.5, y);
        context.lineTo(x, y + 3.5);
        context.lineTo(x - 3.5, y);
        context.fill();
      }
      const beyond = upperBound(marks.time, this.time(Math.floor(x) + 1));
      i = Math.max(i + 1, upperBound(ids, beyond - 1));
    }
    context.globalAlpha = 1;
  }

  drawMisses(visible) {
    const { context, css } = this;
    const { marks } = this.trace;
    context.fillStyle = css.miss;
    for (const id of this.trace.misses) {
      const x = this.x(marks.time[id]);
      if (x < GUTTER - 8 || x > GUTTER + this.plotWidth + 8) continue;
      for (const lane of visible) {
        const its = lane.kind === 'cpu' ? lane.row.cpu === marks.cpu[id] : lane.row?.thread === marks.thread[id];
        if (!its) continue;
        context.fillRect(x - 1, lane.y + 1, 2, lane.height - 2);
        context.beginPath();
        context.moveTo(x - 6, lane.y);
        context.lineTo(x + 6, lane.y);
        context.lineTo(x, lane.y + 9);
        context.fill();
      }
    }
  }

  // Wake-ups.

  drawArrows() {
    const { context, css } = this;
    const { wakeups } = this.trace;
    context.strokeStyle = context.fillStyle = css.arrow;
    for (const i of this.visibleWakeups()) {
      // Ends far outside are drawn as if they were nearer: a dashed curve of a million pixels takes seconds.
      const near = (x) => Math.min(Math.max(x, -FAR), this.plotWidth + FAR);
      const start = near(this.x(wakeups.waking[i]));
      const end = near(this.x(wakeups.waking[i] + wakeups.latency[i]));
      const byInterrupt = (wakeups.flags[i] & BY_INTERRUPT) !== 0;
      const chosen = this.thread !== 0;
      context.globalAlpha = chosen ? 1 : 0.6;
      context.lineWidth = chosen ? 1.5 : 1;
      context.setLineDash(byInterrupt ? [4, 3] : []);
      const from = this.cpuLane.get(wakeups.wakerCpu[i]);
      const to = this.cpuLane.get(wakeups.cpu[i]);
      if (from && to) this.arrow(start, from.y + (byInterrupt ? 32 : 16), end, to.y + 16);
      const wakee = this.threadLane.get(wakeups.thread[i]);
      const waker = this.threadLane.get(wakeups.waker[i]);
      if (chosen && wakee && waker && !byInterrupt) this.arrow(start, waker.y + 12, end, wakee.y + 12);
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  arrow(x1, y1, x2, y2) {
    const { context } = this;
    // On one row it bows below, so that it can be seen.
    const bow = Math.abs(y2 - y1) < 20 ? Math.min(18, 6 + (x2 - x1) / 6) : 0;
    const bend = Math.max(6, (x2 - x1) / 2);
    context.beginPath();
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1 + bow, x2 - bend, y2 + bow, x2, y2);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.arc(x1, y1, 1.8, 0, 7);
    context.fill();
    context.beginPath();
    context.moveTo(x2 + 1, y2);
    context.lineTo(x2 - 6, y2 - 3.5);
    context.lineTo(x2 - 6, y2 + 3.5);
    context.fill();
  }

  // What the pointer is at, and what was clicked.

  drawOutlines() {
    const { context, css } = this;
    context.strokeStyle = css.chosen;
    for (const [hit, width] of [[this.hover, 1], [this.chosen, 2]]) {
      if (hit?.kind !== 'slice' && hit?.kind !== 'idle' && hit?.kind !== 'wait') continue;
      const spans = hit.kind === 'wait' ? this.trace.waits : this.trace.slices;
      const left = Math.max(this.x(spans.start[hit.id]), GUTTER - 3);
      const right = Math.min(this.x(spans.end[hit.id]), GUTTER + this.plotWidth + 3);
      context.lineWidth = width;
      for (const lane of [this.cpuLane.get(spans.cpu?.[hit.id]), this.threadLane.get(spans.thread[hit.id])])
        if (lane) context.strokeRect(left, lane.y + 2.5, Math.max(2, right - left), lane.height - (lane.kind === 'cpu' ? 9 : 4));
    }
  }

  drawCursor(top, height) {
    if (this.cursor === undefined) return;
    this.context.fillStyle = this.css.soft;
    this.context.globalAlpha = 0.5;
    this.context.fillRect(Math.round(this.x(this.cursor)), top, 1, height);
    this.context.globalAlpha = 1;
    if (!this.dragged) return;
    const [a, b] = this.dragged.map((time) => this.x(time));
    this.context.fillStyle = this.css.accent;
    this.context.globalAlpha = 0.15;
    this.context.fillRect(Math.min(a, b), top, Math.abs(b - a), height);
    this.context.globalAlpha = 1;
  }
}
