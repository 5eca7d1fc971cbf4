/** Bars from zero, each under its name and figure, with the interval as a thin line across its end. */
import type { Estimate } from '../model.ts';
import { escaped } from './format.ts';
import { fitted, linear, px, stroke, svg, widthOf, word } from './svg.ts';

/** One bar. */
export interface Bar {
  readonly name: string;
  /** Class that gives the colour. */
  readonly kind: string;
  readonly value: Estimate;
  readonly shown: string;
  /** Behind the name: why not to trust it. */
  readonly flag?: string;
  /** A mark further out, such as a peak. */
  readonly mark?: number;
}

const [width, row, edge] = [300, 36, 3];

/** @returns a picture of 300 units, or nothing where there is no bar */
export function bars(all: readonly Bar[], title: string): string {
  if (all.length === 0) return '';
  const most = Math.max(...all.map(({ value, mark = 0 }) => Math.max(value.high, mark)));
  const x = linear([0, most], [0, width - edge]);
  const drawn = all.map((bar, at) => `<g transform="translate(0 ${at * row})">${draw(bar, x)}</g>`);
  return svg(width, all.length * row, title, drawn, 'bars');
}

function draw({ name, kind, value, shown, flag, mark }: Bar, x: (value: number) => number): string {
  const room = width - widthOf(shown) - 12;
  const told = flag === undefined ? '' : ` ${flag}`;
  const label = fitted(name, Math.max(40, room - widthOf(told)));
  const note =
    flag === undefined ? '' : `<tspan class="flag" dx="5">${escaped(fitted(flag, room - widthOf(label) - 5))}</tspan>`;
  const named = `<text class="name" x="0" y="13">${escaped(label)}${note}</text>`;
  const figure = word(shown, width, 13, 'class="figure" text-anchor="end"');
  const faint = flag === undefined ? '' : ' faint';
  const bar = `<rect class="bar ${kind}${faint}" x="0" y="19" width="${px(Math.max(1, x(value.value)))}" height="9"/>`;
  const peak = mark === undefined ? '' : stroke([x(mark), 17], [x(mark), 30], 'peak');
  const [low, high] = [x(value.low), x(value.high)];
  if (high - low < 1) return named + figure + bar + peak;
  const ends = [low, high].map(end => stroke([end, 20.5], [end, 26.5], 'whisker')).join('');
  return named + figure + bar + peak + stroke([low, 23.5], [high, 23.5], 'whisker') + ends;
}
