/** What the programs of Node read and print: `server case method url host body flags header=value…`, split at tabs. */
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';

/** A line of the input. */
export interface Input {
  readonly server: string;
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly body: string | undefined;
  readonly flags: ReadonlySet<string>;
  readonly headers: readonly (readonly [string, string])[];
}

/** The cells of standard input, one after the other. */
export async function* cells(): AsyncGenerator<Input> {
  for await (const line of createInterface({ input: process.stdin })) yield parsed(line);
}

function parsed(line: string): Input {
  const [server = '', name = '', method = '', url = '', host = '', size = '', flags = '', ...headers] =
    line.split('\t');
  const body = size === '' ? undefined : 'x'.repeat(Number(size));
  const pairs = headers.map(header => {
    const at = header.indexOf('=');
    return [header.slice(0, at), header.slice(at + 1)] as const;
  });
  return { server, name, method, url, host, body, flags: new Set(flags.split(',')), headers: pairs };
}

/** Prints one thing that was seen in a cell. */
export function say({ server, name }: Input, field: string, value: unknown): void {
  console.log([server, name, field, String(value).replace(/[\t\r\n]/g, ' ')].join('\t'));
}

/** Prints a body: what is long as its sum. */
export function sayBody(cell: Input, body: string): void {
  say(cell, 'body', body.length < 300 ? body : createHash('sha256').update(body).digest('hex'));
}
