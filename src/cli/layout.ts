/** How text is laid out: columns, and lines that are as wide as a terminal is. Nothing is ever cut off. */

/** No column is made narrower than this, in characters. */
const narrowest = 8;

const gap = '  ';

interface Width {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Characters in a line; without bound where nobody looks at a terminal. */
export function widthOf({ isTTY, columns = 0 }: Width): number {
  return isTTY && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/**
 * Columns two spaces apart, as wide as their longest cell; no newline at the end. What is wider than `width` is made
 * narrower, the widest columns first, and their cells take several lines.
 */
export function layTable(header: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const all = [header, ...rows];
  const natural = header.map((_, column) => Math.max(...all.map(row => (row[column] ?? '').length)));
  const widths = narrowed(natural, width - gap.length * (header.length - 1));
  return all.flatMap(row => linesOfRow(row, widths)).join('\n');
}

/** Takes from the widest column until the sum fits, or nothing more can be taken. */
function narrowed(natural: readonly number[], sum: number): readonly number[] {
  const widths = [...natural];
  for (;;) {
    const all = widths.reduce((total, one) => total + one, 0);
    const widest = Math.max(...widths);
    if (all <= sum || widest <= narrowest) return widths;
    widths[widths.indexOf(widest)] = widest - 1;
  }
}

function linesOfRow(row: readonly string[], widths: readonly number[]): readonly string[] {
  const cells = widths.map((width, column) => wrapped(row[column] ?? '', width));
  const height = Math.max(...cells.map(lines => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, column) => (lines[line] ?? '').padEnd(widths[column] ?? 0))
      .join(gap)
      .trimEnd(),
  );
}

/** A text in lines of at most `width`, broken behind blanks and marks where there are any, else in the middle. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const end = breakAt(rest, width);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

/** Where a line ends: behind the last blank that fits, else behind the last mark, else at the width. */
function breakAt(text: string, width: number): number {
  const blank = text.slice(0, width + 1).lastIndexOf(' ');
  if (blank > 0 && text.slice(0, blank).trim() !== '') return blank + 1;
  const mark = Math.max(...['/', ',', '-', '.', ':'].map(one => text.slice(0, width).lastIndexOf(one)));
  return mark > 0 ? mark + 1 : width;
}

/** Breaks the lines of a text that are longer than `width`; what is broken off stands under its line, further in. */
export function foldLines(text: string, width: number): string {
  if (!Number.isFinite(width)) return text;
  return text
    .split('\n')
    .flatMap(line => {
      const indent = ' '.repeat(Math.min(line.length - line.trimStart().length, Math.max(0, width - narrowest)));
      if (line.length <= width) return [line];
      const further = width - indent.length - gap.length < narrowest ? indent : indent + gap;
      const [first = '', ...more] = wrapped(line.trimStart(), width - indent.length);
      return [indent + first, ...wrapped(more.join(' '), width - further.length).map(part => further + part)];
    })
    .join('\n');
}
