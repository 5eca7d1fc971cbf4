/** What the pictures have in common: scales, ticks, words that fitted and do not lie on each other. */
import { escaped } from './format.ts';

/** From a value to a place on the paper. */
export type Scale = (value: number) => number;

/** Equal steps for equal differences. */
export function linear([from, to]: Range, [start, end]: Range): Scale {
  return value => start + ((value - from) / (to - from || 1)) * (end - start);
}

/** Equal steps for equal ratios. */
export function logarithmic([from, to]: Range, [start, end]: Range): Scale {
  const span = Math.log(to / from) || 1;
  return value => start + (Math.log(value / from) / span) * (end - start);
}

/** Two ends. */
export type Range = readonly [from: number, to: number];

/** Round values come before less round ones where there is no room for all. */
const roundness = [[1], [2, 5], [1.5, 3, 7], [1.2]] as const;

/** Round values for a logarithmic axis, in the range, their places at least a gap apart; those of `first` before all. */
export function logTicks([from, to]: Range, scale: Scale, gap: number, first: readonly number[] = []): number[] {
  const least = Math.floor(Math.log10(from));
  const powers = Array.from({ length: Math.ceil(Math.log10(to)) - least + 1 }, (_, at) => 10 ** (least + at));
  const all = [...first, ...roundness.flatMap(parts => powers.flatMap(power => parts.map(part => part * power)))];
  const chosen: number[] = [];
  for (const tick of all.map(value => Number(value.toPrecision(2))))
    if (tick >= from && tick <= to && chosen.every(other => Math.abs(scale(other) - scale(tick)) >= gap))
      chosen.push(tick);
  return chosen.sort((a, b) => a - b);
}

/** Places at least a gap apart, each as near as it can be to where it is wanted, in the order in which they are wanted. */
export function spread(wanted: readonly number[], gap: number, [from, to]: Range): number[] {
  interface Group {
    readonly members: readonly number[];
    readonly start: number;
  }
  const order = wanted.map((_, at) => at).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const settle = (members: readonly number[]): Group => {
    const ideal = members.reduce((sum, at, nth) => sum + (wanted[at] ?? 0) - nth * gap, 0) / members.length;
    return { members, start: Math.max(from, Math.min(ideal, to - (members.length - 1) * gap)) };
  };
  const groups: Group[] = [];
  for (const at of order) {
    let group = settle([at]);
    for (let last = groups.at(-1); last !== undefined; last = groups.at(-1)) {
      if (last.start + last.members.length * gap <= group.start) break;
      groups.pop();
      group = settle([...last.members, ...group.members]);
    }
    groups.push(group);
  }
  const places = wanted.map(() => 0);
  for (const { members, start } of groups) for (const [nth, at] of members.entries()) places[at] = start + nth * gap;
  return places;
}

/** How wide a text is about, in a sans serif of 12 px. */
export function widthOf(text: string): number {
  return [...text].reduce(
    (sum, sign) => sum + (/[ilj.,:;|'!·]/.test(sign) ? 3.4 : /[mwMW%@]/.test(sign) ? 10 : 6.9),
    0,
  );
}

/** As much of a text as has room, with an ellipsis where some is missing. */
export function fitted(text: string, room: number): string {
  if (widthOf(text) <= room) return text;
  const signs = [...text];
  while (signs.length > 1 && widthOf(`${signs.join('')}…`) > room) signs.pop();
  return `${signs.join('')}…`;
}

/** A place on the paper, with no more digits than a screen shows. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A word on the paper; the text is escaped here. */
export function word(text: string, x: number, y: number, attributes = ''): string {
  return `<text x="${px(x)}" y="${px(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(text)}</text>`;
}

/** A line from one place to another. */
export function stroke([x1, y1]: Range, [x2, y2]: Range, kind: string): string {
  return `<line class="${kind}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
}

/** A picture that fills its column, with the words that stand for it where it cannot be seen. */
export function svg(width: number, height: number, title: string, parts: readonly string[], kind = ''): string {
  const head = `<svg class="${kind}" viewBox="0 0 ${width} ${px(height)}" role="img">`;
  return `${head}<title>${escaped(title)}</title>${parts.join('')}</svg>`;
}

/** Two drawings of one picture, of which the page shows the one that is readable on the screen. */
export function twice(draw: (width: number, kind: string) => string): string {
  return draw(860, 'wide') + draw(350, 'narrow');
}
