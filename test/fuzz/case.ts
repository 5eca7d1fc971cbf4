/** What the fuzzer runs: plain data, so that a case can be printed, shrunk and run again. Bytes are texts, one character each. */

/** Bytes that are written at once. */
export interface Part {
  readonly bytes: string;
  /** Wait before they are written. */
  readonly delayMs: number;
}

/** What the app answers to one request. */
export interface Answer {
  readonly name: string;
  /** Version of HTTP. An answer of HTTP/2 has one frame in each part; `anyStream` stands for the stream's number. */
  readonly speaks: 1 | 2;
  readonly parts: readonly Part[];
  /** Whether it begins with the request's head, and not with its end. */
  readonly early: boolean;
  /** What becomes of the app's connection after the last part. */
  readonly after: 'keep' | 'close' | 'reset' | 'echo';
}

/** One request with its answer. Everything that belongs to it carries the id, which nothing else carries. */
export interface Exchange {
  readonly id: string;
  readonly name: string;
  readonly request: readonly Part[];
  /** What is sent when a tunnel or a WebSocket has been opened; it has to come back. */
  readonly tunnel?: string;
  readonly answer: Answer;
}

/** One connection of a client, and what is sent on it: one exchange after the other, or all at once. */
export interface Link {
  readonly speaks: 1 | 2;
  readonly exchanges: readonly Exchange[];
  readonly pipelined: boolean;
  /** The client goes away this long after it has connected, whatever has come. */
  readonly leavesAfterMs?: number;
}

/** Links that are open at the same time. */
export interface Case {
  readonly links: readonly Link[];
}

/** The number of a stream that the app does not know before the request has come: it puts the real one in its place. */
export const anyStream = 0x7ffffff1;

const idPattern = /z[0-9a-z]{10}z/g;

/** A new id, which no change of a few bits turns into another that is in use. */
export function newId(next: () => number): string {
  const digits = Array.from({ length: 10 }, () => Math.floor(next() * 36).toString(36));
  return `z${digits.join('')}z`;
}

/** Every id in some bytes. */
export function idsIn(bytes: string): ReadonlySet<string> {
  return new Set(bytes.match(idPattern));
}

/** The bytes of some parts. */
export function bytesOf(parts: readonly Part[]): string {
  return parts.map(({ bytes }) => bytes).join('');
}

/** Bytes as one part, at once. */
export function part(bytes: string, delayMs = 0): Part {
  return { bytes, delayMs };
}

/** All exchanges of a case. */
export function exchangesOf({ links }: Case): Exchange[] {
  return links.flatMap(({ exchanges }) => exchanges);
}

/** The id that a request carries: in its target or its headers. */
export function idOf({
  target,
  fields,
}: {
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
}): string {
  return [...idsIn(`${target} ${fields.filter(([name]) => name.toLowerCase() === 'x-id').join(' ')}`)][0] ?? '';
}
