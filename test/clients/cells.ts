/** A cell of the table, and what was seen in it. */
import type { Case } from './cases.ts';

/** A case for a server, and where to send it. */
export interface Cell {
  readonly server: string;
  readonly case: Case;
  readonly at: { readonly host: string; readonly port: number };
}

/** `server`, `case`, what was looked at → what was seen. */
export type Seen = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The name of a cell in what was seen. */
export function keyOf(server: string, name: string): string {
  return `${server}\t${name}`;
}

/** Host that the mesh knows a server by. */
export function hostOf(server: string): string {
  return `${server}.shop`;
}

/** What the programs read: see `node/cells.ts`. */
export function lineOf({ server, case: { name, method, path, body, flags = [], headers = [] }, at }: Cell): string {
  const url = `http://${at.host}:${at.port}${path}`;
  return [server, name, method, url, hostOf(server), `${body ?? ''}`, flags.join(','), ...headers].join('\t');
}

/** Groups lines of `server case field value`. */
export function seenIn(output: string): Seen {
  const seen = new Map<string, Map<string, string>>();
  for (const line of output.split('\n').filter(text => text !== '')) {
    const [server = '', name = '', field = '', value = ''] = line.split('\t');
    const fields = seen.get(keyOf(server, name)) ?? new Map<string, string>();
    seen.set(keyOf(server, name), fields.set(field, value));
  }
  return seen;
}
