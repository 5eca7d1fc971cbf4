/** The whole run at a glance: each experiment a row, each target a dot where its first figure stands to the baseline. */
import type { Estimate } from '../model.ts';
import { escaped, ratio } from './format.ts';
import { fitted, logarithmic, logTicks, px, type Range, type Scale, stroke, svg, word } from './svg.ts';

/** A row of the picture. */
export interface Row {
  readonly name: string;
  readonly baseline: string;
  /** The baseline was client-bound: it can do more than is shown, and ratios to it are upper bounds. */
  readonly bound: boolean;
  /** The share by which the baseline differed from itself; null where that was not measured. */
  readonly noise: number | null;
  readonly dots: readonly { readonly name: string; readonly kind: string; readonly value: Estimate }[];
}

const [row, head, foot] = [44, 4, 26];

/** What is less stands at the left end: an axis of ratios has no zero. */
const least = 0.01;

/** @returns a picture of this width, or nothing where there is nothing to compare */
export function strip(rows: readonly Row[], title: string, width: number, kind: string): string {
  if (rows.length === 0) return '';
  const values = rows.flatMap(({ noise, dots }) => [
    1 - Math.min(noise ?? 0, 0.5),
    1 + Math.min(noise ?? 0, 0.5),
    ...dots.flatMap(({ value: { low, high } }) => [Math.max(least, low), high]),
  ]);
  const ends: Range = [Math.min(...values), Math.max(...values)];
  const place = logarithmic(ends, [12, width - 12]);
  const x = (value: number) => place(Math.min(ends[1], Math.max(ends[0], value)));
  const bottom = head + rows.length * row;
  const scale = logTicks(ends, x, 44, [1]).map(tick => {
    const named = word(`${tick}×`, x(tick), bottom + 18, 'class="tick" text-anchor="middle"');
    return tick === 1 ? named : stroke([x(tick), head + 20], [x(tick), bottom], 'rule') + named;
  });
  const tracks = rows.map((each, at) => track(each, head + at * row, x, [0, width]));
  return svg(width, bottom + foot, title, [...scale, ...tracks], kind);
}

function track({ name, baseline, bound, noise, dots }: Row, top: number, x: Scale, [left, right]: Range): string {
  const y = top + 30;
  const band = (from: number, to: number) =>
    `<rect class="band" x="${px(x(from))}" y="${y - 8}" width="${px(x(to) - x(from))}" height="16"/>`;
  const parts = [
    word(fitted(name, right - left - 8), left, top + 14, 'class="name halo"'),
    noise !== null && noise > 0 ? band(Math.max(least, 1 - noise), 1 + noise) : '',
    stroke([left, y], [right, y], 'rule'),
    stroke([x(1), y - 8], [x(1), y + 8], bound ? 'one again' : 'one'),
    ...dots.map(({ kind, value }) => stroke([x(value.low), y], [x(value.high), y], `span ${kind}`)),
    ...dots.map(dot => {
      const told = `<title>${escaped(`${dot.name}: ${ratio(dot.value.value)}× ${baseline}`)}</title>`;
      return `<circle class="dot ${dot.kind}" cx="${px(x(dot.value.value))}" cy="${y}" r="5">${told}</circle>`;
    }),
  ];
  return parts.join('');
}
