/** What every client asks of every server. */

/** A request; `flags` name what not every client can do. */
export interface Case {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Bytes of the body; without it there is none. */
  readonly body?: number;
  readonly flags?: readonly Flag[];
  /** `name=value`. */
  readonly headers?: readonly string[];
  /** The server breaks it off: also a direct call may fail. */
  readonly breaks?: true;
}

/**
 * `chunked`: the client does not say the length. `trailer`: it sends `X-Sum: 43` behind the body. `expect`: it waits for
 * 100; `refused`: and understands another answer. `waits`, `hurries`: and does so for
 * ever, or sends the body after a second without one. `interim`: it understands 103. `repeated`: it sends a header twice. The
 * others are kinds of gRPC calls.
 */
export type Flag =
  | 'chunked'
  | 'trailer'
  | 'expect'
  | 'refused'
  | 'waits'
  | 'hurries'
  | 'interim'
  | 'repeated'
  | 'deadline'
  | 'cancel'
  | 'hundred'
  | 'ten';

const get = (name: string, path: string, headers: readonly string[] = []): Case => ({
  name,
  method: 'GET',
  path,
  headers,
});

const send = (name: string, method: string, body: number, flags: readonly Flag[] = []): Case => ({
  name,
  method,
  path: '/echo',
  body,
  flags,
  headers: ['Content-Type=application/x-test'],
});

const kilobyte = 1024;

/** Cases of HTTP; a path that a server does not have is answered with 404, directly and through the pair. */
export const httpCases: readonly Case[] = [
  get('plain', '/plain'),
  get('once more', '/plain'),
  get('in parts', '/chunked'),
  get('204', '/empty'),
  get('304', '/same', ['If-None-Match="v1"']),
  { name: 'HEAD', method: 'HEAD', path: '/plain' },
  { name: 'HEAD of parts', method: 'HEAD', path: '/chunked' },
  get('500', '/error'),
  get('302', '/moved'),
  get('404', '/none'),
  get('two cookies', '/cookies'),
  get('a header twice', '/many'),
  get('1 MB down', '/big'),
  get('trailers', '/trailers'),
  { ...get('103 before', '/hints'), flags: ['interim'] },
  { ...get('broken off before its length', '/broken'), breaks: true },
  get('after that', '/plain'),
  { ...get('broken off between chunks', '/cut'), breaks: true },
  { ...get('reset without an error', '/cut-quietly'), breaks: true },
  get('query', '/echo?a=b%20c&d=%2F%C3%A4', ['X-Test=a value, another']),
  { ...get('a header sent twice', '/echo', ['X-Test=one', 'X-Test=two']), flags: ['repeated'] },
  send('POST', 'POST', 20),
  send('POST of nothing', 'POST', 0),
  send('POST in chunks', 'POST', 256 * kilobyte, ['chunked']),
  send('POST with trailers', 'POST', 20, ['chunked', 'trailer']),
  send('PUT 1 MB', 'PUT', kilobyte * kilobyte),
  send('PATCH', 'PATCH', 20),
  { name: 'DELETE', method: 'DELETE', path: '/echo' },
  { name: 'OPTIONS', method: 'OPTIONS', path: '/echo' },
  { name: 'PROPFIND', method: 'PROPFIND', path: '/echo' },
  send('expects 100', 'PUT', 100 * kilobyte, ['expect', 'waits']),
  send('expects 100 for a second', 'PUT', 100 * kilobyte, ['expect', 'hurries']),
  { ...send('expects 100, gets 417', 'PUT', 20 * kilobyte, ['expect', 'refused']), path: '/refuse' },
  get('at the end', '/plain'),
];

const call = (name: string, method: string, body = 20, more: Partial<Case> = {}): Case => ({
  name,
  method,
  path: '',
  body,
  ...more,
});

const ten: readonly Flag[] = ['ten'];

/** Cases of gRPC: calls of the service `test.Echo`. */
export const grpcCases: readonly Case[] = [
  call('unary', 'Unary'),
  call('unary, empty', 'Unary', 0),
  call('unary, 1 MB', 'Unary', kilobyte * kilobyte),
  call('metadata', 'Unary', 5, { headers: ['x-many=one', 'x-many=two', 'x-raw-bin=bytes'] }),
  call('a stream of the server', 'Down'),
  call('a stream of the client', 'Up', 20 * kilobyte, { flags: ten }),
  call('both stream', 'Both', 20 * kilobyte, { flags: ten }),
  call('a status with a message', 'Fail', 0, { headers: ['x-code=9', 'x-text=yes'] }),
  call('a status without a message', 'Fail', 0, { headers: ['x-code=5'] }),
  call('no such method', 'None'),
  call('deadline', 'Hang', 0, { flags: ['deadline'] }),
  call('cancel', 'Hang', 0, { flags: ['cancel'] }),
  call('a hundred calls', 'Unary', 20, { flags: ['hundred'] }),
  call('longer than a connection', 'Late'),
  call('at the end', 'Unary'),
];
