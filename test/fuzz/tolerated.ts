/** What a shell is known not to hold: each row of the limits in docs/compatibility.md that a fuzzer meets, as narrow as it can be said. */
import { bytesOf, type Exchange } from './case.ts';
import type { Violation } from './check.ts';

interface Tolerated {
  readonly shell: Violation['shell'];
  readonly why: string;
  holds(violation: Violation, exchange: Exchange | undefined): boolean;
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
    why: 'Pipy takes Connection away before a script sees it: the headers that it names are passed on',
    holds: ({ kind, what }, exchange) =>
      exchange !== undefined &&
      ((kind === 'verdict' && what === 'the app got a request that is refused (no-route-match)') ||
        what.endsWith('was added')) &&
      namesHeaders(`${bytesOf(exchange.request)}${bytesOf(exchange.answer.parts)}`),
  },
  {
    shell: 'pipy',
    why: 'answers of status 102 and 103, and those that stand before an answer of HTTP/2, break the response off',
    holds: ({ kind, what }, exchange) =>
      kind === 'answer' &&
      /^(status 502 instead|no answer: the connection closed)/.test(what) &&
      /HTTP\/1\.1 10[23]|:status.10[0-3]/.test(bytesOf(exchange?.answer.parts ?? [])),
  },
  {
    shell: 'pipy',
    why: 'a response loses its content-length, and a client of HTTP/1.0 takes no chunks: a part looks whole to it',
    holds: ({ what }, exchange) =>
      what === 'an answer that the app broke off looks complete' &&
      /HTTP\/1\.0\r\n/.test(bytesOf(exchange?.request ?? [])),
  },
];

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
export function toleratedBecause(violation: Violation, exchange: Exchange | undefined): string | undefined {
  return list.find(each => each.shell === violation.shell && each.holds(violation, exchange))?.why;
}
