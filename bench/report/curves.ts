/** Latency by percentile: one line for each target, its name at its end. */
import { escaped, time } from './format.ts';
import { fewest, type Place } from './histograms.ts';
import {
  fitted,
  linear,
  logarithmic,
  logTicks,
  px,
  type Range,
  type Scale,
  spread,
  stroke,
  svg,
  widthOf,
  word,
} from './svg.ts';

/** A line of the chart. */
export interface Line {
  readonly name: string;
  /** Class that gives the colour. */
  readonly kind: string;
  readonly places: readonly Place[];
}

const percentiles = [
  [Math.log10(2), '50 %'],
  [1, '90 %'],
  [2, '99 %'],
  [3, '99.9 %'],
  [4, '99.99 %'],
] as const;

const gap = 15;

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: Scale;
  readonly y: Scale;
}

/** @returns a picture of this width, or nothing where there is nothing to draw */
export function curves(lines: readonly Line[], title: string, width: number, kind: string): string {
  const drawn = lines.filter(({ places }) => places.length > 1);
  if (drawn.length === 0) return '';
  const narrow = width < 500;
  const names = Math.min(narrow ? 96 : 190, Math.max(...drawn.map(({ name }) => widthOf(name))) + 4);
  const values = drawn.flatMap(({ places }) => places.map(({ us }) => Math.max(1, us)));
  const range = [Math.min(...values) * 0.95, Math.max(...values) * 1.05] as const;
  const height = Math.max(narrow ? 300 : 380, drawn.length * gap + 50);
  const end = Math.max(2, Math.ceil(Math.max(...drawn.map(({ places }) => places.at(-1)?.nines ?? 0)) - 0.02));
  const [left, right, top, bottom] = [narrow ? 44 : 52, width - names - 14, 12, height - 26];
  const x = linear([fewest, end], [left, right]);
  const y = logarithmic(range, [bottom, top]);
  const frame = { left, right, top, bottom, x, y };
  const parts = [rules(range, frame), feet(end, frame), ...drawn.map(line => path(line, frame)), ends(drawn, frame)];
  return svg(width, height, title, parts, kind);
}

/** Rules across, and the axis. */
function rules(range: Range, { left, right, bottom, y }: Frame): string {
  const across = logTicks(range, y, 30).map(tick => {
    const named = word(time(tick), left - 8, y(tick) + 4, 'class="tick" text-anchor="end"');
    return stroke([left, y(tick)], [right, y(tick)], 'rule') + named;
  });
  return across.join('') + stroke([left, bottom], [right, bottom], 'axis');
}

function feet(end: number, { left, right, bottom, top, x }: Frame): string {
  const lead = right - left < 400 ? 18 : 6;
  return percentiles
    .filter(([nines]) => nines <= end)
    .map(([nines, name], at) => {
      const anchor = at === 0 ? 'start' : 'middle';
      const foot = word(name, x(nines) - (at === 0 ? lead : 0), bottom + 18, `class="tick" text-anchor="${anchor}"`);
      return stroke([x(nines), top], [x(nines), bottom], 'rule') + foot;
    })
    .join('');
}

function path({ name, kind, places }: Line, { x, y }: Frame): string {
  const points = places.map(({ nines, us }) => `${px(x(nines))},${px(y(Math.max(1, us)))}`).join(' ');
  const last = places.at(-1);
  const dot = last && `<circle class="dot ${kind}" cx="${px(x(last.nines))}" cy="${px(y(last.us))}" r="2.5"/>`;
  return `<g><title>${escaped(name)}</title><polyline class="line ${kind}" points="${points}"/>${dot ?? ''}</g>`;
}

/** Names at the right, apart from each other, each with a hair to the end of its line. */
function ends(lines: readonly Line[], { right, top, bottom, x, y }: Frame): string {
  const wanted = lines.map(({ places }) => y(Math.max(1, places.at(-1)?.us ?? 1)));
  const room = (line: Line) => fitted(line.name, right < 300 ? 96 : 190);
  const heights = spread(wanted, gap, [top, bottom]);
  return lines
    .map((line, at) => {
      const [from, to] = [wanted[at] ?? 0, heights[at] ?? 0];
      const start = x(line.places.at(-1)?.nines ?? 0) + 3;
      const hair = stroke([start, from], [right + 6, to], 'hair');
      return hair + word(room(line), right + 10, to + 4, `class="name halo ${line.kind}"`);
    })
    .join('');
}
