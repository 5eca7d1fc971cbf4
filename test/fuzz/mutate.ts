/** Mutations by seed, of bytes and of frames. Each is small; a message may get several. */
import type { Random } from '../simulator/random.ts';
import { type Part, part } from './case.ts';
import { FrameReader, frame, types, uint32 } from './http2.ts';

/** Lines that change what a message is. */
const lines = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding : chunked',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 99999',
  'Content-Length: -1',
  'Content-Length: 18446744073709551616',
  'Content-Length: 0x10',
  'Content-Length:',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Upgrade',
  'Connection: X-Key, close',
  'Keep-Alive: timeout=1',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'Upgrade: WebSocket',
  'Trailer: X-T',
  'Trailer: Content-Length',
  'TE: trailers',
  'TE: gzip',
  'Expect: 100-continue',
  'Expect: something',
  'Host: store',
  'Host: other',
  'Host:',
  'Host: store:81',
  'X-Key: abc',
  'X-Key: \xe9',
  'Cookie: a=b',
  'Set-Cookie: a=b',
  'If-None-Match: "a"',
  'Authorization: Basic YTpi',
  'ETag: "x"',
  'Link: </a>; rel=preload',
  'Link: nothing',
  'Date: now',
  'Content-Encoding: gzip',
  ' folded',
  ': no name',
  'no colon',
  'X-Empty:',
  'X-Nul: \0',
  'X-Bare: a\rb',
  'Age: 1',
  'Location: \xff',
  'ServiceIdentity: evil',
  'Content-Type: application/grpc',
  'Grpc-Status: 0',
  'Alt-Svc: h2=":1"',
  'Proxy-Connection: keep-alive',
  'Retry-After: x',
];

const tokens = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0',
  '-1',
  '4294967296',
  '9223372036854775807',
  'HTTP/1.0',
  'HTTP/1.1',
  'HTTP/2.0',
  '/../',
  '%2e%2e',
  '%00',
  '//',
  '\\',
  '?',
  '#',
  '*',
  'http://store/',
  '0\r\n\r\n',
  'ffffffff\r\n',
  '\xff\xfe',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'GET /hidden HTTP/1.1\r\nHost: store\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'a'.repeat(9000),
];

type Change = (bytes: string, random: Random) => string;

const changes: readonly Change[] = [
  (bytes, random) => at(bytes, random, 1, old => String.fromCharCode(old.charCodeAt(0) ^ (1 << random.between(0, 7)))),
  (bytes, random) => at(bytes, random, 1, () => String.fromCharCode(random.between(0, 255))),
  (bytes, random) => at(bytes, random, 0, () => random.pick(tokens)),
  (bytes, random) => at(bytes, random, random.between(1, 12), () => ''),
  (bytes, random) => at(bytes, random, random.between(1, 12), old => old + old),
  (bytes, random) => bytes.slice(0, random.between(0, bytes.length)),
  (bytes, random) => at(bytes, random, random.between(1, 30), old => inOtherCase(old, random)),
  ...Array.from({ length: 5 }, (): Change => insertLine),
  (bytes, random) => onLine(bytes, random, () => []),
  (bytes, random) => onLine(bytes, random, line => [line, line]),
  (bytes, random) => swapLines(bytes, random),
  (bytes, random) =>
    bytes.replace(/\d+/g, digits =>
      random.chance(0.2) ? random.pick(['0', '1', '-1', '65536', `${digits}0`]) : digits,
    ),
  (bytes, random) => bytes.replace(/\r\n/g, end => (random.chance(0.15) ? random.pick(['\n', '\r', '\r\r\n']) : end)),
];

function at(bytes: string, random: Random, length: number, change: (old: string) => string): string {
  if (bytes === '') return bytes;
  const from = random.between(0, bytes.length - 1);
  return bytes.slice(0, from) + change(bytes.slice(from, from + length)) + bytes.slice(from + length);
}

/** Head lines, and all that comes behind them. */
function splitHead(bytes: string): { lines: string[]; rest: string } {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return { lines: bytes.split('\r\n'), rest: '' };
  return { lines: bytes.slice(0, end).split('\r\n'), rest: bytes.slice(end) };
}

function insertLine(bytes: string, random: Random): string {
  const { lines: all, rest } = splitHead(bytes);
  all.splice(random.between(1, all.length), 0, random.pick(lines));
  return all.join('\r\n') + rest;
}

function onLine(bytes: string, random: Random, change: (line: string) => readonly string[]): string {
  const { lines: all, rest } = splitHead(bytes);
  const chosen = random.between(0, all.length - 1);
  return all.flatMap((line, index) => (index === chosen ? change(line) : [line])).join('\r\n') + rest;
}

function swapLines(bytes: string, random: Random): string {
  const { lines: all, rest } = splitHead(bytes);
  return [...all.slice(0, 1), ...random.shuffled(all.slice(1))].join('\r\n') + rest;
}

/** Another message of HTTP/1, some changes away. */
export function mutate1(parts: readonly Part[], random: Random): Part[] {
  const count = random.chance(0.7) ? 1 : random.between(2, 4);
  const chosen = random.between(0, Math.max(0, parts.length - 1));
  return parts.map(({ bytes, delayMs }, index) => {
    if (index !== chosen) return { bytes, delayMs };
    let changed = bytes;
    for (let i = 0; i < count; i++) changed = random.pick(changes)(changed, random);
    return { bytes: changed, delayMs };
  });
}

/** The same bytes, cut at any place, with delays between the pieces. */
export function cut(parts: readonly Part[], random: Random): Part[] {
  return parts.flatMap(({ bytes, delayMs }) => {
    if (bytes.length < 2 || random.chance(0.4)) return [{ bytes, delayMs }];
    const places = Array.from({ length: random.between(1, 3) }, () => random.between(1, bytes.length - 1)).sort(
      (a, b) => a - b,
    );
    const pieces = [0, ...places].map((from, index) => bytes.slice(from, places[index] ?? bytes.length));
    return pieces.map((piece, index) => part(piece, index === 0 ? delayMs : random.between(0, 25)));
  });
}

type FrameChange = (frames: string[], random: Random, stream: number) => string[];

const frameChanges: readonly FrameChange[] = [
  (frames, random) =>
    frames.map(each =>
      random.chance(0.4) ? at(each, random, 1, () => String.fromCharCode(random.between(0, 255))) : each,
    ),
  (frames, random) => frames.flatMap(each => (random.chance(0.3) ? [] : [each])),
  (frames, random) => frames.flatMap(each => (random.chance(0.3) ? [each, each] : [each])),
  (frames, random) => random.shuffled(frames),
  (frames, random, stream) => insert(frames, random, random.pick(extras(stream))),
  (frames, random, stream) => insert(frames, random, random.pick(extras(stream))),
  (frames, random) => frames.flatMap(each => splitHeaders(each, random)),
  (frames, random) => frames.map(each => (random.chance(0.5) ? flagged(each, random.between(0, 255)) : each)),
];

/** Frames that may come at any time, and those that may not. */
function extras(stream: number): readonly string[] {
  return [
    frame(types.ping, 0, 0, '12345678'),
    frame(types.ping, 0, 0, 'short'),
    frame(types.settings, 0, 0),
    frame(types.settings, 0, 0, `\0\x04${uint32(100_000)}`),
    frame(types.settings, 0, 0, `\0\x01${uint32(0)}`),
    frame(types.settings, 1, 0, 'x'),
    frame(types.window, 0, 0, uint32(0)),
    frame(types.window, 0, stream, uint32(0x7fffffff)),
    frame(types.reset, 0, stream, uint32(8)),
    frame(types.reset, 0, stream, uint32(0)),
    frame(types.data, 0, stream, ''),
    frame(types.data, 1, stream, 'more'),
    frame(types.data, 0, stream + 100, 'x'),
    frame(types.goaway, 0, 0, `${uint32(0x7fffffff)}${uint32(0)}`),
    frame(types.goaway, 0, 0, `${uint32(0)}${uint32(1)}bye`),
    frame(0x42, 0, stream, 'what'),
    frame(types.continuation, 4, stream, ''),
    frame(2, 0, stream, `${uint32(0)}\0`),
    frame(5, 4, stream, uint32(2)),
  ];
}

function insert(frames: string[], random: Random, extra: string): string[] {
  return frames.toSpliced(random.between(0, frames.length), 0, extra);
}

/** HEADERS with a part of its block in CONTINUATION. */
function splitHeaders(bytes: string, random: Random): string[] {
  const [one] = new FrameReader().push(bytes);
  if (one === undefined || one.type !== types.headers || (one.flags & 4) === 0 || one.payload.length < 2)
    return [bytes];
  const place = random.between(1, one.payload.length - 1);
  return [
    frame(types.headers, one.flags & ~4, one.stream, one.payload.slice(0, place)),
    frame(types.continuation, 4, one.stream, one.payload.slice(place)),
  ];
}

function flagged(bytes: string, flags: number): string {
  return bytes.slice(0, 4) + String.fromCharCode(flags) + bytes.slice(5);
}

/** Other frames, some changes away. */
export function mutate2(parts: readonly Part[], random: Random, stream: number): Part[] {
  let frames = parts.map(({ bytes }) => bytes);
  for (let i = random.between(1, 2); i > 0; i--) frames = random.pick(frameChanges)(frames, random, stream);
  return frames.map(bytes => part(bytes));
}

/** Delays between frames; never inside of a header block, which has to stay together. */
export function delayFrames(parts: readonly Part[], random: Random): Part[] {
  return parts.map(({ bytes }) =>
    part(bytes, bytes.charCodeAt(3) !== types.continuation && random.chance(0.3) ? random.between(1, 25) : 0),
  );
}

/** Letters of ASCII: others have capitals that are no byte. */
function inOtherCase(bytes: string, random: Random): string {
  return random.chance(0.5)
    ? bytes.replace(/[a-z]+/g, letters => letters.toUpperCase())
    : bytes.replace(/[A-Z]+/g, letters => letters.toLowerCase());
}
