// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them: lengths of time with three digits, moments exact, ticks of an axis.
'use strict';

const UNITS = [
  { name: 'ns', ns: 1 },
  { name: 'µs', ns: 1e3 },
  { name: 'ms', ns: 1e6 },
  { name: 's', ns: 1e9 },
];

/** The largest unit that is not larger than `ns`. */
function unitFor(ns) {
  let unit = UNITS[0];
  for (const candidate of UNITS) if (Math.abs(ns) >= candidate.ns) unit = candidate;
  return unit;
}

/** A length of time: "830 ns", "1.25 µs", "-12.0 ms". */
function formatDuration(ns) {
  if (ns === 0) return '0 ns';
  const unit = unitFor(ns);
  const value = ns / unit.ns;
  const size = Math.abs(value);
  const digits = unit.ns === 1 ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return `${value.toFixed(digits).replace('-', '\u2212')} ${unit.name}`;
}

/** The same with a sign in any case. */
function formatSigned(ns) {
  return ns > 0 ? `+${formatDuration(ns)}` : formatDuration(ns);
}

/** A moment since the start of the trace, to the nanosecond, in groups of three: "12.345 678 ms". */
function formatMoment(ns) {
  const unit = unitFor(Math.abs(ns) >= 1e9 ? 1e9 : 1e6);
  const decimals = Math.log10(unit.ns);
  const whole = Math.floor(ns / unit.ns);
  const rest = String(Math.round(ns - whole * unit.ns)).padStart(decimals, '0');
  return `${whole}.${rest.match(/.{3}/g).join('\u202f')} ${unit.name}`;
}

function formatCount(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

function plural(n, one, many) {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}

function formatPercent(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '-';
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `value`. */
function roundUp125(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 2, 5, 10]) if (power * factor >= value * (1 - 1e-9)) return power * factor;
  return power * 10;
}

/**
 * Ticks for the range [from, to] with at least `least` ns between two: {step, unit, base, ticks}. When the labels
 * would need more digits than people compare, they are relative to `base`, which is shown once.
 */
function axisTicks(from, to, least) {
  const step = Math.max(1, roundUp125(Math.max(least, 1e-3)));
  const unit = unitFor(step);
  const base = to / step > 2000 ? Math.floor(from / (step * 100)) * step * 100 : 0;
  const ticks = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) {
    const label = ((n * step - base) / unit.ns).toFixed(0);
    ticks.push({ at: n * step, label: base === 0 ? label : `+${label}` });
  }
  return { step, unit, base, ticks };
}

/** A value as its unit wants it; see Unit in qemu/trace/names.hpp. `now` is the moment it is seen from. */
function formatValue(unit, value, now) {
  switch (unit) {
    case 'duration':
      return formatSigned(value);
    case 'virtual':
      return `${formatSigned(value)} of virtual time`;
    case 'instant':
      return `${formatMoment(value)} (${formatSigned(value - now)} from here)`;
    case 'cpu':
      return `CPU ${value}`;
    default:
      return formatCount(value).replace('-', '\u2212');
  }
}
