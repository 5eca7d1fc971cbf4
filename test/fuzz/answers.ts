/** Answers as real apps give them, and as nobody should: what mutations start from. */
import { type Answer, anyStream, bytesOf, type Part, part } from './case.ts';
import { endStream, frame, headers, types, uint32 } from './http2.ts';
import { type Maker, partsOf } from './messages.ts';

interface Template {
  readonly make: Maker;
  readonly early?: boolean;
  readonly after?: Answer['after'];
}

function ok(more: string, body: (id: string) => string, start = 'HTTP/1.1 200 OK'): Maker {
  return id => `${start}\r\nX-Id: ${id}\r\n${more.replace('LENGTH', String(body(id).length))}\r\n${body(id)}`;
}

const length = 'Content-Length: LENGTH\r\n';
const chunked = 'Transfer-Encoding: chunked\r\n';
const body = (id: string) => id.repeat(3);
const chunks = (id: string) => `24\r\n${body(id)}\r\n`;
const plain = ok(length, body);

function before(interim: string, then: Maker = plain): Maker {
  return (id, stream) => `${interim}\r\n\r\n${then(id, stream)}`;
}

/** Answers over HTTP/1, by name. */
export const answers1: Readonly<Record<string, Template>> = {
  'with a length': { make: plain },
  'of a usual app': {
    make: ok(
      `Content-Type: text/html; charset=utf-8\r\nETag: "a"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nVary: Accept\r\nDate: Mon, 30 Nov 2026 18:00:00 GMT\r\n${length}`,
      body,
    ),
  },
  'in chunks': { make: ok(chunked, id => `${chunks(id)}${chunks(id)}0\r\n\r\n`) },
  'in chunks, apart': {
    make: id => [`HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${chunked}\r\n`, chunks(id), chunks(id), '0\r\n\r\n'],
  },
  'in chunks with extensions': { make: ok(chunked, id => `24;a=b\r\n${body(id)}\r\n0;z\r\n\r\n`) },
  'in chunks with trailers': { make: ok(`Trailer: X-Sum\r\n${chunked}`, id => `${chunks(id)}0\r\nX-Sum: 1\r\n\r\n`) },
  'in chunks with trailers that were not announced': { make: ok(chunked, id => `${chunks(id)}0\r\nX-Sum: 1\r\n\r\n`) },
  'announces trailers and has none': { make: ok(`Trailer: X-Sum\r\n${length}`, body) },
  'until the connection ends': { make: ok('', body), after: 'close' },
  'that closes': { make: ok(`Connection: close\r\n${length}`, body), after: 'close' },
  'of HTTP/1.0': { make: ok('Server: SimpleHTTP/0.6 Python/3.11\r\n', body, 'HTTP/1.0 200 OK'), after: 'close' },
  'of HTTP/1.0 with a length': { make: ok(length, body, 'HTTP/1.0 200 OK'), after: 'close' },
  'without a body: 204': { make: ok('', () => '', 'HTTP/1.1 204 No Content') },
  'without a body: 304': { make: ok('ETag: "a"\r\n', () => '', 'HTTP/1.1 304 Not Modified') },
  'without a body: 304 with a length': { make: ok('Content-Length: 36\r\n', () => '', 'HTTP/1.1 304 Not Modified') },
  'an empty body': { make: ok('Content-Length: 0\r\n', () => '') },
  'an error': { make: ok(length, body, 'HTTP/1.1 500 Internal Server Error') },
  'a redirect': { make: ok(`Location: /open/\r\n${length}`, body, 'HTTP/1.1 302 Found') },
  'a status nobody knows': { make: ok(length, body, 'HTTP/1.1 299 Odd') },
  'an empty reason': { make: ok(length, body, 'HTTP/1.1 200 ') },
  'no reason': { make: ok(length, body, 'HTTP/1.1 200') },
  'behind 100': { make: before('HTTP/1.1 100 Continue') },
  'behind 102': { make: before('HTTP/1.1 102 Processing') },
  'behind 103': { make: before('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload') },
  'behind 103 with two links': {
    make: before('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload; crossorigin\r\nLink: </b>; rel=preload'),
  },
  'behind 100 and 103': { make: before('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints') },
  'bytes above 127': { make: ok(`X-Raw: caf\xe9 \xc3\xa9\r\n${length}`, id => `\xe9${body(id)}`) },
  'repeated headers': { make: ok(`X-Two: 1\r\nX-Two: 2\r\n${length}`, body) },
  'a long header': { make: ok(`X-Long: ${'abcdefgh'.repeat(900)}\r\n${length}`, body) },
  'a body of 200 KB': { make: ok(length, id => id.repeat(17_000)) },
  'before the request has come': { make: plain, early: true },
  '413 before the request has come': {
    make: ok(`Connection: close\r\n${length}`, body, 'HTTP/1.1 413 Content Too Large'),
    early: true,
  },
  '417 before the request has come': { make: ok(length, body, 'HTTP/1.1 417 Expectation Failed'), early: true },
  'line feeds only': { make: id => `HTTP/1.1 200 OK\nX-Id: ${id}\nContent-Length: 36\n\n${body(id)}` },
  'an unexpected 101': {
    make: ok('Connection: Upgrade\r\nUpgrade: websocket\r\n', () => '', 'HTTP/1.1 101 Switching Protocols'),
  },
  'a status below 100': { make: ok(length, body, 'HTTP/1.1 099 Low') },
  'a status of 999': { make: ok(length, body, 'HTTP/1.1 999 High') },
  'length and chunks': { make: ok(`Content-Length: 5\r\n${chunked}`, id => `${chunks(id)}0\r\n\r\n`) },
  'a coding nobody knows': { make: ok('Transfer-Encoding: gzip\r\n', body), after: 'close' },
  'bytes behind it': {
    make: ok(length.replace('LENGTH', '36'), id => `${body(id)}HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n${id}`),
  },
  'a body to HEAD and 204': { make: ok('Content-Length: 36\r\n', body, 'HTTP/1.1 204 No Content') },
  'a part with a length': { make: ok('Content-Length: 100\r\n', body), after: 'close' },
  'a part in chunks': { make: ok(chunked, chunks), after: 'close' },
  'a reset in the middle': { make: ok('Content-Length: 100\r\n', body), after: 'reset' },
  'no HTTP': { make: id => `what? ${id}\r\n\r\n` },
  'nothing, closed': { make: () => '', after: 'close' },
  'nothing, reset': { make: () => '', after: 'reset' },
};

/** What opens a WebSocket. */
export const switching: Template = {
  make: id =>
    `HTTP/1.1 101 Switching Protocols\r\nX-Id: ${id}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`,
  after: 'echo',
};

type Fields = readonly (readonly [string, string])[];

function reply(
  fields: Fields,
  datas: (id: string) => readonly string[],
  trailers: Fields = [],
  interim: readonly string[] = [],
): Maker {
  return id => {
    const [made, head] = [datas(id), [...fields, ['x-id', id]] as Fields];
    const last = (at: number) => (at === made.length - 1 && trailers.length === 0 ? endStream : 0);
    return [
      ...interim,
      ...headers(anyStream, head, made.length === 0 && trailers.length === 0),
      ...made.map((data, at) => frame(types.data, last(at), anyStream, data)),
      ...(trailers.length === 0 ? [] : headers(anyStream, trailers, true)),
    ];
  };
}

const ok2: Fields = [[':status', '200']];
const grpc: Fields = [...ok2, ['content-type', 'application/grpc']];
const grpcMessage = (id: string) => [`\0\0\0\0\x0c${id}`];
const interim = (status: string) => headers(anyStream, [[':status', status]], false);
const reset = (code: number) => frame(types.reset, 0, anyStream, uint32(code));
const goaway = frame(types.goaway, 0, 0, `${uint32(0x7fffffff)}${uint32(0)}`);
const plain2 = reply(ok2, id => [body(id)]);

/** Answers over HTTP/2, by name. */
export const answers2: Readonly<Record<string, Template>> = {
  'h2 with a body': { make: plain2 },
  'h2 without a body': { make: reply(ok2, () => []) },
  'h2 204': { make: reply([[':status', '204']], () => []) },
  'h2 304': {
    make: reply(
      [
        [':status', '304'],
        ['etag', '"a"'],
      ],
      () => [],
    ),
  },
  'h2 with an empty last frame': { make: reply(ok2, id => [body(id), '']) },
  'h2 with a length': { make: reply([...ok2, ['content-length', '36']], id => [body(id)]) },
  'h2 an error': { make: reply([[':status', '503']], id => [body(id)]) },
  'gRPC, one message': {
    make: reply(grpc, grpcMessage, [
      ['grpc-status', '0'],
      ['grpc-message', 'fine'],
    ]),
  },
  'gRPC, three messages': {
    make: reply(grpc, id => [...grpcMessage(id), ...grpcMessage(id), ...grpcMessage(id)], [['grpc-status', '0']]),
  },
  'gRPC, only a status': { make: reply([...grpc, ['grpc-status', '5'], ['grpc-message', 'none']], () => []) },
  'gRPC, an error after a message': { make: reply(grpc, grpcMessage, [['grpc-status', '13']]) },
  'h2 behind 100': { make: reply(ok2, id => [body(id)], [], interim('100')) },
  'h2 behind 103': { make: reply(ok2, id => [body(id)], [], interim('103')) },
  'h2 with repeated headers': {
    make: reply([...ok2, ['x-two', '1'], ['x-two', '2'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']], id => [
      body(id),
    ]),
  },
  'h2 with repeated headers of which one is usual': {
    make: reply([...ok2, ['etag', '"a"'], ['etag', '"b"']], id => [body(id)]),
  },
  'h2 with a head of 5 KB': { make: reply([...ok2, ['x-long', 'a'.repeat(5000)]], id => [body(id)]) },
  'h2 with a head of 12 KB': { make: reply([...ok2, ['x-long', 'a'.repeat(12_000)]], id => [body(id)]) },
  'h2 with a head of 40 KB': {
    make: reply([...ok2, ['x-a', 'a'.repeat(20_000)], ['x-b', 'b'.repeat(20_000)]], id => [body(id)]),
  },
  'h2 with bytes above 127': { make: reply([...ok2, ['x-raw', 'caf\xe9']], id => [body(id)]) },
  'h2 with a body of 60 KB': { make: reply(ok2, id => Array.from({ length: 5 }, () => id.repeat(1000))) },
  'h2 behind a ping and settings': {
    make: (id, stream) => [
      frame(types.ping, 0, 0, '12345678'),
      frame(types.settings, 0, 0),
      ...[plain2(id, stream)].flat(),
    ],
  },
  'h2 behind a frame nobody knows': {
    make: (id, stream) => [frame(0x42, 0, 0, 'what'), ...[plain2(id, stream)].flat()],
  },
  'h2 behind a graceful GOAWAY': { make: (id, stream) => [goaway, ...[plain2(id, stream)].flat()], after: 'close' },
  'h2 before the request has come': { make: plain2, early: true },
  'h2 a reset before the answer': { make: () => reset(8) },
  'h2 refused: a stream that was not looked at': { make: () => reset(7) },
  'h2 a reset after the head': { make: id => [...headers(anyStream, [...ok2, ['x-id', id]], false), reset(2)] },
  'h2 a reset after a part': {
    make: id => [...headers(anyStream, ok2, false), frame(types.data, 0, anyStream, id), reset(8)],
  },
  'h2 a part, closed': {
    make: id => [...headers(anyStream, ok2, false), frame(types.data, 0, anyStream, id)],
    after: 'close',
  },
  'h2 a GOAWAY with an error': { make: () => [frame(types.goaway, 0, 0, `${uint32(0)}${uint32(2)}`)], after: 'close' },
  'h2 a header of a connection': { make: reply([...ok2, ['connection', 'close']], id => [body(id)]) },
  'h2 a head that cannot be read': { make: () => frame(types.headers, 5, anyStream, '\xff\xff\xff') },
  'h2 nothing, closed': { make: () => [], after: 'close' },
  'h2 nothing, reset': { make: () => [], after: 'reset' },
};

/** The answer that a template makes for an exchange. */
export function answerOf(
  name: string,
  { make, early = false, after = 'keep' }: Template,
  speaks: 1 | 2,
  id: string,
): Answer {
  return { name, speaks, parts: partsOf(make, id, speaks === 2 ? anyStream : 0), early, after };
}

/** Without its body, as the answer to HEAD is. */
export function withoutBody(answer: Answer): Answer {
  if (answer.speaks === 2) return { ...answer, parts: headOnly(answer.parts) };
  const bytes = bytesOf(answer.parts);
  const last = /^[\s\S]*?HTTP\/1\.[01] (?!1)\d\d[\s\S]*?\r\n\r\n/.exec(bytes)?.[0];
  return last === undefined ? answer : { ...answer, parts: [part(last)] };
}

/** Frames up to the first head that is not an interim one, which ends the stream. */
function headOnly(parts: readonly Part[]): Part[] {
  const last = parts.findIndex(({ bytes }) => bytes.charCodeAt(3) === types.headers && !bytes.includes(':status\x031'));
  const ends = (bytes: string) =>
    bytes.slice(0, 4) + String.fromCharCode(bytes.charCodeAt(4) | endStream) + bytes.slice(5);
  return parts
    .filter(({ bytes }, at) => at <= last || bytes.charCodeAt(3) === types.continuation)
    .map((each, at) => (at === last ? { ...each, bytes: ends(each.bytes) } : each));
}

/** A plain answer. */
export function plainAnswer(speaks: 1 | 2, id: string): Answer {
  return speaks === 1
    ? answerOf('with a length', { make: plain }, 1, id)
    : answerOf('h2 with a body', { make: plain2 }, 2, id);
}
