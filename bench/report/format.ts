/** Figures as people read them: three digits that mean something, and the unit that keeps them short. */
import type { Estimate, Experiment, Protocol } from '../model.ts';
import { confidenceOf, type Figure } from '../statistics.ts';

/** Between two ends of an interval. */
const dash = '–';

/** Text as it stands in HTML or SVG, between tags or in an attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`);
}

/** At most so many digits, but never fewer than stand before the point: `1,234`, `12.3`, `0.123`. */
export function digits(value: number, most = 3): string {
  if (value === 0) return '0';
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  const after = Math.min(6, Math.max(0, most - before));
  return value.toLocaleString('en-US', { maximumFractionDigits: after });
}

/** A number that is a count. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Microseconds: `850 µs`, `1.24 ms`, `2 s`. */
export function time(us: number): string {
  if (us < 1000) return `${digits(us)} µs`;
  return us < 1e6 ? `${digits(us / 1000)} ms` : `${digits(us / 1e6)} s`;
}

/** A ratio: two digits behind the point as long as they mean something. */
export function ratio(value: number): string {
  if (value >= 100) return whole(value);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** Both ends of an interval, each written in the same way. */
export function interval({ low, high }: Estimate, write: (value: number) => string): string {
  return `${write(low)}${dash}${write(high)}`;
}

/** A share as per cent: `3 %`, `0.4 %`. */
export function share(value: number): string {
  return `${digits(value * 100, 2)} %`;
}

/** `1 round`, `2 rounds`. */
export function times(count: number, word: string): string {
  return `${whole(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** How many values an interval is over, and what it can promise: `5 (93 %)`. One value has no interval. */
export function promised(values: number): string {
  return values < 2 ? whole(values) : `${whole(values)} (${confidenceOf(values)} %)`;
}

interface FigureWords {
  readonly name: string;
  readonly better: string;
  readonly sign: string;
}

/** What a figure is called, and which way is better. */
export const figureWords: Readonly<Record<Figure, FigureWords>> = {
  perSecond: { name: 'answers/s', better: 'higher is better', sign: '↑' },
  p50: { name: 'p50', better: 'lower is better', sign: '↓' },
  p99: { name: 'p99', better: 'lower is better', sign: '↓' },
};

/** What the signs in tables say. */
export const signsExplained = '↓ lower is better, ↑ higher is better';

const protocols: Readonly<Record<Protocol, string>> = {
  http1: 'HTTP/1.1',
  http2: 'HTTP/2',
  grpc: 'gRPC',
  tcp: 'TCP',
  tls: 'TLS',
  websocket: 'WebSocket',
  mqtt: 'MQTT',
};

/** The point on every axis, in words. */
export function axesOf({ protocol, measure, rate, connections, payloadBytes }: Experiment): string {
  const pace =
    measure === 'throughput' ? 'as fast as it goes (closed loop)' : `${whole(rate ?? 0)} requests/s (open loop)`;
  return [protocols[protocol], pace, times(connections, 'connection'), `${whole(payloadBytes)} bytes`].join(' · ');
}
