/** What a shell is known not to hold: each row of the limits in docs/compatibility.md that a fuzzer meets, as narrow as it can be said. */
import { anyStream, bytesOf, type Case, type Exchange, type Part } from './case.ts';
import type { Violation } from './check.ts';
import { type Frame, FrameReader, types } from './http2.ts';

interface Tolerated {
  /** Both where none is named. */
  readonly shell?: Violation['shell'];
  readonly why: string;
  /** @param beside all that is asked on the same connection, and `exchange` among it */
  holds(violation: Violation, exchange: Exchange | undefined, beside: readonly Exchange[]): boolean;
}

const list: readonly Tolerated[] = [
  {
    shell: 'node',
    why: 'Node knows some methods only: others get 501 in words',
    holds: ({ kind, what, detail }) =>
      kind === 'verdict' && what.includes('status 501') && detail.startsWith('method-not-known'),
  },
  {
    shell: 'pipy',
    why: 'Pipy keeps only the last of repeated headers',
    holds: ({ kind, what, detail }) =>
      (kind === 'request' || kind === 'answer') && what.endsWith('has another value') && isLastOf(detail),
  },
  {
    shell: 'pipy',
    why: 'Pipy keeps only the last of repeated headers: that is what rules compare',
    holds: ({ kind, what }, exchange) =>
      kind === 'verdict' &&
      what === 'the app got a request that is refused (no-route-match)' &&
      timesIn(exchange?.request, /^x-key:/gim) > 1,
  },
  {
    shell: 'pipy',
    why: 'Pipy keeps only the last of repeated headers: the app goes by another id',
    holds: ({ kind, what }, exchange) =>
      kind === 'verdict' &&
      what === 'admitted, and the app got nothing: status 200' &&
      timesIn(exchange?.request, /^x-id:/gim) > 1,
  },
  {
    shell: 'pipy',
    why: 'Pipy keeps only the last of repeated headers: of two codings the last one counts',
    holds: ({ kind }, exchange) =>
      (kind === 'hang' || kind === 'answer') && timesIn(exchange?.answer.parts, /^transfer-encoding:/gim) > 1,
  },
  {
    shell: 'pipy',
    why: 'Pipy takes Connection away before a script sees it: the headers that it names are passed on',
    holds: ({ kind, what }, exchange) =>
      exchange !== undefined &&
      ((kind === 'verdict' && what === 'the app got a request that is refused (no-route-match)') ||
        what.endsWith('was added')) &&
      namesHeaders(`${bytesOf(exchange.request)}${bytesOf(exchange.answer.parts)}`),
  },
  {
    why: 'a client that resets its stream waits for nothing, whatever it sends behind that',
    holds: ({ kind }, exchange) => kind === 'hang' && exchange?.request.some(isReset) === true,
  },
  {
    shell: 'pipy',
    why: 'a request of HTTP/1.0 behind others that wait for their answers is the last of its connection, and gets 400',
    holds: ({ kind, what, detail }, exchange) =>
      kind === 'verdict' && what.includes('status 400') && detail.includes('HTTP/1.0') && isOld(exchange),
  },
  {
    shell: 'node',
    why: 'Node reads nothing behind an interim answer that says Connection: close',
    holds: ({ kind, what }, exchange) =>
      kind === 'answer' &&
      what.startsWith('status 502 instead') &&
      /HTTP\/1\.1 1\d\d [^\r]*\r\n([^\r]+\r\n)*connection:[^\r]*close/i.test(bytesOf(exchange?.answer.parts ?? [])),
  },
  {
    shell: 'pipy',
    why: 'a response loses its content-length, and a client of HTTP/1.0 takes no chunks: a part looks whole to it',
    holds: ({ what }, exchange) => what === 'an answer that the app broke off looks complete' && isOld(exchange),
  },
  {
    shell: 'node',
    why: 'Node compares all of repeated headers, and Pipy the last one',
    holds: ({ kind, what }, exchange) =>
      kind === 'verdict' &&
      what.startsWith('refused here and admitted') &&
      timesIn(exchange?.request, /^x-key:/gim) > 1,
  },
  {
    shell: 'node',
    why: 'Node reads a length also where there is none: before an answer, and in trailers',
    holds: ({ kind }, exchange) =>
      kind === 'answer' && timesIn(exchange?.answer.parts, /^content-length:(?! *\d+ *\r?$)/gim) > 0,
  },
  {
    shell: 'node',
    why: 'the fuzzer reads Huffman codes of ASCII only, which Node uses for long headers',
    holds: ({ what, detail }) => what.endsWith('has another value') && /[^ -~].*\?"$/.test(detail),
  },
  {
    shell: 'node',
    why: 'Node ends a connection whose client leaves behind a stream of its own (GOAWAY)',
    holds: ({ kind }, _exchange, beside) =>
      kind !== 'cross-talk' &&
      beside.some(({ request }) => framesOf(request).some(({ type }) => type === types.goaway)),
  },
  {
    shell: 'pipy',
    why: 'Pipy gives an answer without a body and without any header a date (RFC 9110, 6.6.1)',
    holds: ({ what }) => what === 'header date was added',
  },
  {
    why: 'a client of HTTP/2 that lets nobody send a body, or leaves out streams and uses them later, waits for what it does itself',
    holds: ({ kind }, _exchange, beside) => kind === 'hang' && beside.some(isOwnFault),
  },
];

/** The highest stream that a client gets to by counting. */
const streamMax = 1000;

function framesOf(parts: readonly Part[]): readonly Frame[] {
  return new FrameReader().push(bytesOf(parts));
}

function isOwnFault({ request }: Exchange): boolean {
  return framesOf(request).some(
    ({ type, stream, payload }) =>
      (type === types.headers && stream > streamMax && stream !== anyStream) ||
      (type === types.settings && payload.includes('\0\x04\0\0\0')),
  );
}

function timesIn(parts: readonly Part[] | undefined, pattern: RegExp): number {
  return [...bytesOf(parts ?? []).matchAll(pattern)].length;
}

function isOld(exchange: Exchange | undefined): boolean {
  return /HTTP\/1\.0\r\n/.test(bytesOf(exchange?.request ?? []));
}

/** RST_STREAM (RFC 9113, 6.4). */
function isReset({ bytes }: Part): boolean {
  return bytes.length === 13 && bytes.startsWith('\0\0\x04\x03');
}

/** `"a, b" → "b"`. */
function isLastOf(detail: string): boolean {
  const [before = '', after = ''] = detail.split(' → ').map(each => each.slice(1, -1));
  return before.endsWith(`, ${after}`) || before === `${after}, `;
}

function namesHeaders(bytes: string): boolean {
  const named = [...bytes.matchAll(/^connection:(.*)$/gim)].flatMap(([, value = '']) => value.toLowerCase().split(','));
  return named
    .map(each => each.trim())
    .some(each => !/^(|close|keep-alive|upgrade|te|http2-settings|trailer)$/.test(each));
}

/** Why a breach is let pass; undefined when it is not. */
export function toleratedBecause(violation: Violation, { links }: Case): string | undefined {
  const beside = links.map(({ exchanges }) => exchanges).find(each => each.some(({ id }) => id === violation.id)) ?? [];
  const exchange = beside.find(({ id }) => id === violation.id);
  const holds = (each: Tolerated) => (each.shell ?? violation.shell) === violation.shell;
  return list.find(each => holds(each) && each.holds(violation, exchange, beside))?.why;
}
