/** The table of the tier: for each pair, how many cases of a client and a server were the same as directly. */

/** Collects cells and prints them. */
export class Table {
  readonly #faults: string[] = [];
  readonly #pairs = new Map<string, Map<string, Map<string, string>>>();

  /**
   * Adds a cell.
   * @param lines what differed
   * @param left what of that no limit explains
   */
  add(
    pair: string,
    client: string,
    server: string,
    cases: number,
    lines: readonly string[],
    left: readonly string[],
  ): void {
    const differing = new Set(lines.map(caseOf)).size;
    const text = `${cases - differing}/${cases}${left.length > 0 ? ' ✗' : differing > 0 ? ' °' : ''}`;
    const rows = this.#pairs.get(pair) ?? new Map<string, Map<string, string>>();
    const row = rows.get(client) ?? new Map<string, string>();
    this.#faults.push(...left.map(line => `${pair}: ${line}`));
    this.#pairs.set(pair, rows.set(client, row.set(server, text)));
  }

  /** All pairs, one table under the other. */
  text(): string {
    const tables = [...this.#pairs].map(([pair, rows]) => `${pair}\n${drawn(rows)}`);
    const key = 'cases that were the same as directly, of all; °: a limit of docs/compatibility.md, ✗: a fault';
    return `\n${tables.join('\n\n')}\n\n${key}\n${this.#faults.join('\n')}\n`;
  }
}

function caseOf(line: string): string {
  return line.split(': ')[1] ?? '';
}

function drawn(rows: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const columns = [...new Set([...rows.values()].flatMap(row => [...row.keys()]))];
  const widths = columns.map(column => Math.max(column.length, 7));
  const line = (name: string, cells: readonly string[]) =>
    [name.padEnd(13), ...cells.map((cell, index) => cell.padEnd(widths[index] ?? 0))].join(' ').trimEnd();
  const body = [...rows].map(([client, row]) =>
    line(
      client,
      columns.map(column => row.get(column) ?? ''),
    ),
  );
  return [line('', columns), ...body].join('\n');
}
