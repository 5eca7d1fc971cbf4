/** How text is laid out: columns, and lines that are as wide as a terminal is. Nothing is ever cut off. */

const gap = '  ';

/** What is broken off stands so much further in. */
const hanging = 4;

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
 * narrower, the widest columns first, and their cells take several lines. No word is broken, so that every name can be
 * copied: where the words alone are too wide each row becomes a paragraph.
 */
export function layTable(header: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const all = [header, ...rows];
  const widest = (lengthOf: (cell: string) => number) =>
    header.map((_, column) => Math.max(...all.map(row => lengthOf(row[column] ?? ''))));
  const natural = widest(cell => cell.length);
  const least = widest(cell => Math.max(...cell.split(' ').map(word => word.length)));
  const room = width - gap.length * (header.length - 1);
  if (sum(least) > room) return rows.map(row => paragraph(header, row, width)).join('\n');
  const widths = narrowed(natural, least, room);
  return all.flatMap(row => linesOfRow(row, widths)).join('\n');
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Takes from the widest column that can be made narrower until all fit. */
function narrowed(natural: readonly number[], least: readonly number[], room: number): readonly number[] {
  const widths = [...natural];
  while (sum(widths) > room) {
    const free = widths.map((width, column) => (width > (least[column] ?? 0) ? width : 0));
    const column = free.indexOf(Math.max(...free));
    widths[column] = (widths[column] ?? 0) - 1;
  }
  return widths;
}

/** A row as `HEADER cell` after `HEADER cell`, further lines further in; empty cells are left out. */
function paragraph(header: readonly string[], row: readonly string[], width: number): string {
  const fields = header.map((name, column) => [name, row[column] ?? '']).filter(([, cell]) => cell !== '');
  const lines: string[] = [];
  for (const field of fields.map(pair => pair.join(' '))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + gap.length + field.length <= width)
      lines[lines.length - 1] = last + gap + field;
    else lines.push(last === undefined ? field : gap + field);
  }
  return foldLines(lines.join('\n'), width);
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

/** A text in lines of at most `width`, broken at blanks; a word that is longer is broken where it has to be. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.slice(0, width + 1).lastIndexOf(' ');
    const end = blank > 0 ? blank : width;
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

/**
 * Breaks the lines of a text that are longer than `width`; what is broken off stands under its line, further in, but not
 * so far that a word would have to be broken for it.
 */
export function foldLines(text: string, width: number): string {
  if (!Number.isFinite(width)) return text;
  return text
    .split('\n')
    .flatMap(line => (line.length <= width ? [line] : folded(line, width)))
    .join('\n');
}

function folded(line: string, width: number): readonly string[] {
  const content = line.trimStart();
  const room = width - Math.max(...content.split(' ').map(word => word.length));
  const indented = line.length - content.length;
  const [first, further] = [indented, indented + hanging].map(most => ' '.repeat(Math.max(0, Math.min(most, room))));
  const [begin = '', ...more] = wrapped(content, width - (first ?? '').length);
  const rest = more.length === 0 ? [] : wrapped(more.join(' '), width - (further ?? '').length);
  return [`${first}${begin}`, ...rest.map(part => `${further}${part}`)];
}
