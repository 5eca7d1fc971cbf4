/** Makes a case that fails smaller, as long as it fails in the same way. */
import { plainAnswer } from './answers.ts';
import { bytesOf, type Case, type Exchange, type Link, type Part, part } from './case.ts';
import { streamOf } from './grade.ts';
import { HeaderReader } from './hpack.ts';
import { FrameReader, headers, types } from './http2.ts';
import { partsOf, requests1, requests2 } from './messages.ts';

/** The first of these that fails as the one before did; undefined when none does. */
export type Fails = (candidates: readonly Case[]) => Promise<Case | undefined>;

type Pass = (from: Case) => readonly Case[];

/** The smallest case that was found until `isLate`. */
export async function shrink(start: Case, fails: Fails, isLate: () => boolean): Promise<Case> {
  let best = start;
  for (const pass of passes) {
    while (!isLate()) {
      const smaller = await fails(pass(best));
      if (smaller === undefined) break;
      best = smaller;
    }
  }
  return best;
}

const passes: readonly Pass[] = [
  from => withoutSome(from.links).map(links => ({ links })),
  from => eachLink(from, link => withoutSome(link.exchanges).map(exchanges => ({ ...link, exchanges }))),
  from => eachLink(from, plainLinks),
  from => eachExchange(from, plainRequests),
  from => eachExchange(from, plainAnswers),
  from => eachExchange(from, (exchange, speaks) => onRequest(exchange, speaks, together)),
  from => eachExchange(from, exchange => onAnswer(exchange, together)),
  from => eachExchange(from, (exchange, speaks) => onRequest(exchange, speaks, fewer)),
  from => eachExchange(from, exchange => onAnswer(exchange, fewer)),
  from => eachExchange(from, (exchange, speaks) => onRequest(exchange, speaks, shorter)),
  from => eachExchange(from, exchange => onAnswer(exchange, shorter)),
];

/** Halves first, then quarters, and so on to one; never nothing. */
function withoutSome<T>(list: readonly T[]): T[][] {
  const smaller: T[][] = [];
  for (
    let size = Math.ceil(list.length / 2);
    size >= 1 && list.length > 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < list.length; at += size) smaller.push(list.toSpliced(at, size));
  }
  return smaller.filter(each => each.length > 0);
}

function eachLink({ links }: Case, change: (link: Link) => readonly Link[]): Case[] {
  return links.flatMap((link, at) =>
    change(link).map(changed => ({ links: links.with(at, renumbered(changed, link)) })),
  );
}

function eachExchange(
  from: Case,
  change: (exchange: Exchange, speaks: 1 | 2, at: number) => readonly Exchange[],
): Case[] {
  return eachLink(from, link =>
    link.exchanges.flatMap((exchange, at) =>
      change(exchange, link.speaks, at).map(changed => ({ ...link, exchanges: link.exchanges.with(at, changed) })),
    ),
  );
}

/** Streams count up from 1: exchanges that have moved get other frames. */
function renumbered(link: Link, before: Link): Link {
  if (link.speaks === 1 || link.exchanges.length === before.exchanges.length) return link;
  const exchanges = link.exchanges.map((exchange, at) => {
    const old = before.exchanges.findIndex(({ id }) => id === exchange.id);
    return {
      ...exchange,
      request: exchange.request.map(each => ({ ...each, bytes: moved(each.bytes, streamOf(old), streamOf(at)) })),
    };
  });
  return { ...link, exchanges };
}

function moved(bytes: string, from: number, to: number): string {
  return bytes.charCodeAt(8) === from ? bytes.slice(0, 8) + String.fromCharCode(to) + bytes.slice(9) : bytes;
}

function plainLinks(link: Link): Link[] {
  const { leavesAfterMs, ...rest } = link;
  const stays = leavesAfterMs === undefined ? [] : [rest];
  return link.pipelined ? [...stays, { ...link, pipelined: false }] : stays;
}

function plainRequests(exchange: Exchange, speaks: 1 | 2, at: number): Exchange[] {
  if (exchange.name === plainNames[speaks][exchange.answer.speaks]) return [];
  const name = plainNames[speaks][exchange.answer.speaks];
  const maker = (speaks === 1 ? requests1 : requests2)[name];
  if (maker === undefined || exchange.tunnel !== undefined) return [];
  return [{ ...exchange, name, request: partsOf(maker, exchange.id, speaks === 2 ? streamOf(at) : 0) }];
}

/** Version of the client, version of the app → the request with which others are replaced. */
export const plainNames: Readonly<Record<1 | 2, Readonly<Record<1 | 2, string>>>> = {
  1: { 1: 'GET of curl', 2: 'GET to the gRPC port' },
  2: { 1: 'h2 GET', 2: 'h2 GET' },
};

function plainAnswers(exchange: Exchange): Exchange[] {
  const answer = plainAnswer(exchange.answer.speaks, exchange.id);
  return exchange.answer.name === answer.name || exchange.tunnel !== undefined ? [] : [{ ...exchange, answer }];
}

type Change = (parts: readonly Part[], speaks: 1 | 2) => readonly (readonly Part[])[];

function onRequest(exchange: Exchange, speaks: 1 | 2, change: Change): Exchange[] {
  return change(exchange.request, speaks).map(request => ({ ...exchange, request }));
}

function onAnswer(exchange: Exchange, change: Change): Exchange[] {
  const { answer } = exchange;
  const others = change === together && answer.early ? [{ ...answer, early: false }] : [];
  return [...others, ...change(answer.parts, answer.speaks).map(parts => ({ ...answer, parts }))].map(each => ({
    ...exchange,
    answer: each,
  }));
}

/** Without pieces and delays. */
function together(parts: readonly Part[], speaks: 1 | 2): Part[][] {
  const atOnce = parts.map(({ bytes }) => part(bytes));
  const joined = speaks === 1 ? [part(bytesOf(parts))] : atOnce;
  return parts.some(({ delayMs }) => delayMs > 0) || joined.length < parts.length ? [joined, atOnce] : [];
}

/** Without some lines of a head, some frames, or some headers of a frame. */
function fewer(parts: readonly Part[], speaks: 1 | 2): (readonly Part[])[] {
  if (speaks === 1)
    return parts.flatMap((each, at) => withoutLines(each.bytes).map(bytes => parts.with(at, { ...each, bytes })));
  const fields = parts.flatMap((each, at) =>
    withoutFields(each.bytes).map(bytes => parts.with(at, { ...each, bytes })),
  );
  return [...withoutSome(parts), ...fields];
}

function withoutLines(bytes: string): string[] {
  const end = bytes.indexOf('\r\n\r\n');
  const [head, rest] = end < 0 ? [bytes, ''] : [bytes.slice(0, end), bytes.slice(end)];
  const [start = '', ...lines] = head.split('\r\n');
  return lines.length === 0 ? [] : [[], ...withoutSome(lines)].map(kept => [start, ...kept].join('\r\n') + rest);
}

function withoutFields(bytes: string): string[] {
  const [one] = new FrameReader().push(bytes);
  if (one === undefined || one.type !== types.headers) return [];
  try {
    const fields = new HeaderReader().read(one.payload);
    // The flags stay: they may be what it is about.
    return withoutSome(fields).map(kept => {
      const [made = ''] = headers(one.stream, kept, false);
      return made.slice(0, 4) + String.fromCharCode(one.flags) + made.slice(5);
    });
  } catch {
    // A block that cannot be read has no fields to leave out.
    return [];
  }
}

/** Least number of bytes that are taken out at once. */
const least = 4;

/** Without some bytes; frames are left as they are. */
function shorter(parts: readonly Part[], speaks: 1 | 2): (readonly Part[])[] {
  if (speaks === 2) return [];
  return parts.flatMap((each, at) => withoutBytes(each.bytes).map(bytes => parts.with(at, { ...each, bytes })));
}

function withoutBytes(bytes: string): string[] {
  const smaller: string[] = [];
  for (let size = Math.ceil(bytes.length / 2); size >= least; size = Math.floor(size / 2)) {
    for (let at = 0; at < bytes.length; at += size) smaller.push(bytes.slice(0, at) + bytes.slice(at + size));
  }
  return smaller;
}
