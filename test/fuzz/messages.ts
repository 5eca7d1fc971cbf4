/** Requests as real clients send them, and as nobody should: what mutations start from. `${id}` stands where the id belongs. */
import { part } from './case.ts';
import { endStream, frame, headers, types } from './http2.ts';

/** Makes the bytes of a message; several texts are written apart from each other. */
export type Maker = (id: string, stream: number) => string | readonly string[];

const host = 'Host: store\r\n';
const agent = 'User-Agent: curl/8.5.0\r\nAccept: */*\r\n';

function get(path: string, more = ''): Maker {
  return id => `GET ${path}${id} HTTP/1.1\r\n${host}${agent}X-Id: ${id}\r\n${more}\r\n`;
}

function post(more: string, body: (id: string) => string, method = 'POST'): Maker {
  return id =>
    `${method} /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n${more.replace('LENGTH', String(body(id).length))}\r\n${body(id)}`;
}

const chunked = 'Transfer-Encoding: chunked\r\n';
const twice = (id: string) => `2a\r\n${id.repeat(3)}ABCDEF\r\nc\r\n${id}\r\n`;
const hidden = 'GET /hidden HTTP/1.1\r\nHost: store\r\n\r\n';
const long = 'abcdefgh'.repeat(500);

/** Requests over HTTP/1, by name. */
export const requests1: Readonly<Record<string, Maker>> = {
  'GET of curl': get('/open/'),
  'GET where only GET is allowed': get('/get/'),
  'GET with an allowed key': get('/key/', 'X-Key: abc\r\n'),
  'GET with a key that is refused': get('/key/', 'X-Key: ABC\r\n'),
  'GET by host': get('/host/'),
  'GET that is refused': get('/deny/'),
  'GET with a query': id => `GET /open/a?x=/deny/&y=${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  'GET of Go': id =>
    `GET /open/${id} HTTP/1.1\r\n${host}User-Agent: Go-http-client/1.1\r\nX-Id: ${id}\r\nAccept-Encoding: gzip\r\n\r\n`,
  'GET of a browser': get(
    '/open/',
    'Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate, br\r\n' +
      'Accept-Language: de,en;q=0.5\r\nCookie: a=1; b=2\r\nIf-None-Match: "x"\r\nIf-Modified-Since: Mon, 30 Nov 2026 18:00:00 GMT\r\n',
  ),
  'GET of Java, with an upgrade to h2c': id =>
    `GET /open/${id} HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 0\r\n${host}HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n` +
    `Upgrade: h2c\r\nUser-Agent: Java-http-client/17.0.9\r\nX-Id: ${id}\r\n\r\n`,
  'POST of Java, with an upgrade to h2c': post(
    'Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\nUpgrade: h2c\r\nContent-Length: LENGTH\r\n',
    id => id.repeat(4),
  ),
  'an upgrade to something else': get('/open/', 'Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n'),
  HEAD: id => `HEAD /get/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  DELETE: id => `DELETE /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  'OPTIONS *': id => `OPTIONS * HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  PROPFIND: post('Depth: 1\r\nContent-Length: LENGTH\r\n', id => `<a>${id}</a>`, 'PROPFIND'),
  'a method nobody knows': id => `BREW /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  'POST with a length': post('Content-Length: LENGTH\r\nContent-Type: text/plain\r\n', id => `body ${id}`),
  'POST without a body': post('Content-Length: 0\r\n', () => ''),
  'PUT in two pieces': id => [
    `PUT /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\nContent-Length: 24\r\n\r\n`,
    id.repeat(2),
  ],
  'POST in chunks': post(chunked, id => `${twice(id)}0\r\n\r\n`),
  'POST in Chunks, in capitals': post('Transfer-Encoding: Chunked\r\n', id => `${twice(id)}0\r\n\r\n`),
  'POST with chunk extensions': post(chunked, id => `c;name=value;x="y"\r\n${id}\r\n0;last\r\n\r\n`),
  'POST with trailers': post(`Trailer: X-Sum\r\n${chunked}`, id => `${twice(id)}0\r\nX-Sum: ${id}\r\n\r\n`),
  'POST with trailers that were not announced': post(
    `TE: trailers\r\nConnection: TE\r\n${chunked}`,
    id => `${twice(id)}0\r\nX-Sum: 1\r\n\r\n`,
  ),
  'GET that announces trailers': get('/open/', 'Trailer: X-T\r\n'),
  'GET with a body': id => `GET /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\nContent-Length: 12\r\n\r\n${id}`,
  'POST that waits for 100': id => [
    `POST /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n`,
    id,
  ],
  'GET that expects 100': get('/open/', 'Expect: 100-continue\r\n'),
  'POST with a body of 100 KB': post('Content-Length: LENGTH\r\n', id => id.repeat(8500)),
  'GET of HTTP/1.0': id => `GET /open/${id} HTTP/1.0\r\n${host}X-Id: ${id}\r\n\r\n`,
  'GET of HTTP/1.0 that stays': id =>
    `GET /open/${id} HTTP/1.0\r\n${host}Connection: keep-alive\r\nX-Id: ${id}\r\n\r\n`,
  'POST of HTTP/1.0': id => `POST /open/${id} HTTP/1.0\r\n${host}X-Id: ${id}\r\nContent-Length: 12\r\n\r\n${id}`,
  'GET of HTTP/1.0 without Host': id => `GET /open/${id} HTTP/1.0\r\nX-Id: ${id}\r\n\r\n`,
  'GET in absolute form': id => `GET http://store/open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  'GET in absolute form for another host': id =>
    `GET http://store/open/${id} HTTP/1.1\r\nHost: other\r\nX-Id: ${id}\r\n\r\n`,
  'GET with a port': id => `GET /open/${id} HTTP/1.1\r\nHost: store:80\r\nX-Id: ${id}\r\n\r\n`,
  'GET with an empty port': id => `GET /open/${id} HTTP/1.1\r\nHost: store:\r\nX-Id: ${id}\r\n\r\n`,
  'GET in capitals': id => `GET /open/${id} HTTP/1.1\r\nHOST: STORE.shop\r\nX-ID: ${id}\r\n\r\n`,
  'GET for nobody': id => `GET /open/${id} HTTP/1.1\r\nHost: nowhere\r\nX-Id: ${id}\r\n\r\n`,
  'GET behind an empty line': id => `\r\nGET /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\n\r\n`,
  'GET with bytes above 127': get('/open/', 'X-Raw: caf\xe9 \xc3\xa9\r\n'),
  'POST with bytes above 127': post('X-Raw: \xff\xe9\r\nContent-Length: LENGTH\r\n', id => `\0\xff${id}`),
  'GET with a long header': get('/open/', `X-Long: ${long}\r\n`),
  'GET with 120 headers': get('/open/', Array.from({ length: 120 }, (_, at) => `X-${at}: ${at}\r\n`).join('')),
  'GET with repeated headers': get('/open/', 'X-Two: 1\r\nX-Two: 2\r\nCookie: a=1\r\nCookie: b=2\r\n'),
  'GET with repeated headers of which one is usual': get(
    '/open/',
    'Authorization: a\r\nAuthorization: b\r\nIf-None-Match: "a"\r\nIf-None-Match: "b"\r\n',
  ),
  'GET with an empty header': get('/open/', 'X-Empty:\r\nX-Blank:   \r\n'),
  'GET that names a header in Connection': get('/key/', 'Connection: X-Key\r\nX-Key: abc\r\n'),
  'GET that claims to be somebody': get(
    '/open/',
    'ServiceIdentity: evil\r\nX-Forwarded-Client-Cert: evil\r\nfsm-stats-x: 1\r\n',
  ),
  'GET with line feeds only': id => `GET /open/${id} HTTP/1.1\nHost: store\nX-Id: ${id}\n\n`,
  'GET that closes': get('/open/', 'Connection: close\r\n'),
  'GET with dot segments': get('/open/../deny/'),
  'GET with encoded dots': get('/open/%2e%2e/deny/'),
  'GET with a parameter and dots': get('/open/..;/deny/'),
  'GET with encoded characters': get('/open/%41%2Fb/'),
  'GET of HTTP/1.1 without Host': id => `GET /open/${id} HTTP/1.1\r\nX-Id: ${id}\r\n\r\n`,
  'POST with length and chunks': post(`Content-Length: 5\r\n${chunked}`, () => `0\r\n\r\n${hidden}`),
  'POST with two lengths': post('Content-Length: 0\r\nContent-Length: 40\r\n', () => hidden),
  'POST with a coding nobody knows': post('Transfer-Encoding: gzip, chunked\r\n', () => `0\r\n\r\n${hidden}`),
  'GET with a folded header': get('/open/', 'X-Fold: a\r\n b\r\n'),
  'GET with a bare CR': get('/open/', 'X-Bare: a\rX-Key: b\r\n'),
  'GET with NUL': get('/open/', 'X-Nul: a\0b\r\n'),
  'GET to the gRPC port': id => `GET /open/${id} HTTP/1.1\r\nHost: store:81\r\nX-Id: ${id}\r\n\r\n`,
  'POST to the gRPC port': id =>
    `POST /open/${id} HTTP/1.1\r\nHost: store:81\r\nX-Id: ${id}\r\nContent-Length: 12\r\n\r\n${id}`,
};

/** Asks for a WebSocket. */
export const webSocket: Maker = id =>
  `GET /open/${id} HTTP/1.1\r\n${host}X-Id: ${id}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;

/** Asks for a tunnel to the TCP port. */
export const tunnel: Maker = id => `CONNECT store:82 HTTP/1.1\r\nHost: store:82\r\nX-Id: ${id}\r\n\r\n`;

type Fields = readonly (readonly [string, string])[];

function call(fields: Fields, body: (id: string) => readonly string[], trailers: Fields = []): Maker {
  return (id, stream) => {
    const head: Fields = [...fields.map(([name, value]) => [name, value.replace('ID', id)] as const), ['x-id', id]];
    const datas = body(id);
    const last = (at: number) => (at === datas.length - 1 && trailers.length === 0 ? endStream : 0);
    return [
      ...headers(stream, head, datas.length === 0 && trailers.length === 0),
      ...datas.map((data, at) => frame(types.data, last(at), stream, data)),
      ...(trailers.length === 0 ? [] : headers(stream, trailers, true)),
    ];
  };
}

function pseudo(method: string, path: string, authority = 'store:81'): Fields {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', authority],
  ];
}

const grpc: Fields = [...pseudo('POST', '/shop.Store/Buy'), ['te', 'trailers'], ['content-type', 'application/grpc']];
const message = (id: string) => `\0\0\0\0\x0c${id}`;

/** Requests over HTTP/2, by name. */
export const requests2: Readonly<Record<string, Maker>> = {
  'h2 GET': call(pseudo('GET', '/open/ID'), () => []),
  'h2 GET to an HTTP/1.1 port': call(pseudo('GET', '/open/ID', 'store'), () => []),
  'h2 HEAD': call(pseudo('HEAD', '/open/ID'), () => []),
  'h2 GET that is refused': call(pseudo('GET', '/deny/ID'), () => []),
  'h2 GET with an allowed key': call([...pseudo('GET', '/key/ID'), ['x-key', 'abc']], () => []),
  'h2 GET by host': call(pseudo('GET', '/host/ID'), () => []),
  'h2 GET for nobody': call(pseudo('GET', '/open/ID', 'nowhere:81'), () => []),
  'gRPC, one message': call(grpc, id => [message(id)]),
  'gRPC, three messages': call(grpc, id => [message(id), message(id), message(id)]),
  'gRPC, an empty last frame': call(grpc, id => [message(id), '']),
  'h2 POST': call(pseudo('POST', '/open/ID'), id => [id.repeat(50)]),
  'h2 POST with a length': call([...pseudo('POST', '/open/ID'), ['content-length', '12']], id => [id]),
  'h2 POST with trailers': call([...pseudo('POST', '/open/ID'), ['te', 'trailers']], id => [id], [['x-sum', '1']]),
  'h2 POST with a body of 60 KB': call(pseudo('POST', '/open/ID'), id =>
    Array.from({ length: 5 }, () => id.repeat(1000)),
  ),
  'h2 GET with repeated headers': call(
    [...pseudo('GET', '/open/ID'), ['x-two', '1'], ['x-two', '2'], ['cookie', 'a=1'], ['cookie', 'b=2']],
    () => [],
  ),
  'h2 GET with repeated headers of which one is usual': call(
    [
      ...pseudo('GET', '/open/ID'),
      ['if-none-match', '"a"'],
      ['if-none-match', '"b"'],
      ['authorization', 'a'],
      ['authorization', 'b'],
    ],
    () => [],
  ),
  'h2 GET with a head of 5 KB': call([...pseudo('GET', '/open/ID'), ['x-long', 'a'.repeat(5000)]], () => []),
  'h2 GET with a head of 12 KB': call([...pseudo('GET', '/open/ID'), ['x-long', 'a'.repeat(12_000)]], () => []),
  'h2 GET with a head of 40 KB': call(
    [...pseudo('GET', '/open/ID'), ['x-a', 'a'.repeat(20_000)], ['x-b', 'b'.repeat(20_000)]],
    () => [],
  ),
  'h2 GET with bytes above 127': call([...pseudo('GET', '/open/ID'), ['x-raw', 'caf\xe9']], () => []),
  'h2 OPTIONS': call(pseudo('OPTIONS', '/open/ID'), () => []),
  'h2 PROPFIND': call(pseudo('PROPFIND', '/open/ID'), () => []),
  'h2 GET that claims to be somebody': call([...pseudo('GET', '/open/ID'), ['serviceidentity', 'evil']], () => []),
  'h2 with a header of a connection': call([...pseudo('GET', '/open/ID'), ['connection', 'x-key']], () => []),
  'h2 with a header in capitals': call([...pseudo('GET', '/open/ID'), ['X-Big', '1']], () => []),
  'h2 without a path': call(
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'store:81'],
    ],
    () => [],
  ),
  'h2 with two paths': call([...pseudo('GET', '/open/ID'), [':path', '/deny/']], () => []),
  'h2 with a Host of another': call([...pseudo('GET', '/open/ID'), ['host', 'other']], () => []),
};

/** Parts of a message: each text is written a little after the one before, frames at once. */
export function partsOf(maker: Maker, id: string, stream = 0) {
  const made = maker(id, stream);
  const delayMs = stream === 0 ? 5 : 0;
  return typeof made === 'string' ? [part(made)] : made.map((bytes, at) => part(bytes, at === 0 ? 0 : delayMs));
}
