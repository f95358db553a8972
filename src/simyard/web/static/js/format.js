/** Numbers, sizes, times and names as people read them. */
import { signal } from './lib.js';
import { t } from './texts.js';

/** The time in seconds, once a second: what shows an elapsed time reads it. */
export const now = signal(Date.now() / 1000);
setInterval(() => { if (!document.hidden) now.value = Date.now() / 1000; }, 1000);
document.addEventListener('visibilitychange', () => { now.value = Date.now() / 1000; });

/** Seconds since the epoch of an ISO time or a number; NaN where there is none. */
export function seconds(time) {
  if (typeof time === 'number') return time;
  return time ? Date.parse(time) / 1000 : NaN;
}

/** 0.214 → 214 ms, 75 → 1 min 15 s, 90000 → 1 d 1 h */
export function duration(length) {
  const s = Math.max(0, length);
  if (!Number.isFinite(s)) return '–';
  if (s < 0.9995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86400) return two(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return two(Math.floor(whole / 86400), 'd', Math.floor((whole % 86400) / 3600), 'h');
}

const two = (a, unitA, b, unitB) => `${a} ${unitA}` + (b ? ` ${b} ${unitB}` : '');

/** A whole-second duration for what ticks. */
export const ticking = (length) => duration(length < 10 ? Math.max(0, Math.floor(length)) || 0.001 : length).replace(/^1 ms$/, '0 s').replace('.0 s', ' s');

/** “just now”, “5 min ago”, “3 May, 14:02” */
export function ago(time) {
  const then = seconds(time);
  if (!Number.isFinite(then)) return '–';
  const passed = now.value - then;
  if (passed < 10) return t('time.now');
  if (passed < 60) return t('time.ago', { time: `${Math.floor(passed)} s` });
  if (passed < 3600) return t('time.ago', { time: `${Math.floor(passed / 60)} min` });
  if (passed < 43200) return t('time.ago', { time: `${Math.floor(passed / 3600)} h` });
  return moment(then);
}

/** The full local time. */
export function moment(time, withSeconds = false) {
  const then = seconds(time);
  if (!Number.isFinite(then)) return '–';
  const date = new Date(then * 1000);
  const thisYear = date.getFullYear() === new Date().getFullYear();
  return date.toLocaleString('en-GB', {
    day: 'numeric', month: 'short', year: thisYear ? undefined : 'numeric', hour: '2-digit', minute: '2-digit',
    second: withSeconds ? '2-digit' : undefined,
  });
}

/** 1536 → 1.5 KiB */
export function size(bytes) {
  if (!Number.isFinite(bytes)) return '–';
  let value = bytes, unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${unit && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A number to six digits, with a real minus sign. */
export function number(value) {
  if (typeof value !== 'number' || !Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value).replace('-', '−');
  const text = Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4 ? value.toExponential(3) : String(Number(value.toPrecision(6)));
  return text.replace(/\.?0+e/, 'e').replace('e+', 'e').replaceAll('-', '−');
}

/** `momentum_compaction` → Momentum compaction */
export function title(name) {
  const text = String(name).replace(/_/g, ' ').trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
