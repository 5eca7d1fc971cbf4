/** Node's own servers, with one handler for both: `server.ts <address>` listens on 8030 (HTTP/1.1) and 8031 (HTTP/2). */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { constants, createServer as createHTTP2Server, type Http2ServerRequest } from 'node:http2';

type Request = IncomingMessage | Http2ServerRequest;
/** What both kinds of answer can do. */
interface Answer {
  statusCode: number;
  setHeader(name: string, value: string | string[]): unknown;
  addTrailers(trailers: Record<string, string>): void;
  write(part: string): boolean;
  end(part: string): unknown;
  writeEarlyHints(hints: Record<string, string>): unknown;
}

type Handler = (request: Request, response: Answer) => unknown;

function say(response: Answer, status: number, body = '', headers: Record<string, string | string[]> = {}): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  response.end(body);
}

/** Announces more than it sends. */
function breakOff(request: Request, response: Answer): void {
  response.write('one\n');
  setImmediate(() => {
    if ('stream' in request) request.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else request.socket.destroy();
  });
}

const pages: Readonly<Record<string, Handler>> = {
  '/plain': (_, response) => say(response, 200, 'hello\n', { 'Content-Length': '6' }),
  '/chunked': (_, response) => {
    response.write('one\n');
    setImmediate(() => response.end('two\n'));
  },
  '/empty': (_, response) => say(response, 204),
  '/same': (_, response) => say(response, 304, '', { ETag: '"v1"' }),
  '/error': (_, response) => say(response, 500, 'it failed\n'),
  '/moved': (_, response) => say(response, 302, '', { Location: '/plain' }),
  '/cookies': (_, response) => say(response, 200, '', { 'Set-Cookie': ['a=1', 'b=2; Path=/'] }),
  '/many': (_, response) => say(response, 200, '', { 'X-Many': ['one', 'two'] }),
  '/big': (_, response) => say(response, 200, '0123456789abcdef'.repeat(65_536)),
  '/trailers': (request, response) => {
    // Node throws where a client of HTTP/1.0 is promised trailers.
    if (request.httpVersion !== '1.0') response.setHeader('Trailer', 'X-Sum');
    response.write('one\n');
    response.addTrailers({ 'X-Sum': '42' });
    response.end('two\n');
  },
  '/hints': (_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    say(response, 200, 'hello\n');
  },
  '/refuse': (_, response) => say(response, 417),
  '/broken': (request, response) => {
    response.setHeader('Content-Length', '100');
    breakOff(request, response);
  },
  '/cut': breakOff,
  '/cut-quietly': (request, response) => {
    response.write('one\n');
    if ('stream' in request) setImmediate(() => request.stream.close(constants.NGHTTP2_NO_ERROR));
    else request.socket.destroySoon();
  },
  '/echo': echo,
};

/** Says what of the request came. */
async function echo(request: Request, response: Answer): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    hash.update(chunk);
  }
  const { method, url, headers, trailers } = request;
  const host = { 'X-Host': headers[':authority'] ?? headers.host ?? '' };
  const seen = `${method} ${url} body=${size} ${hash.digest('hex').slice(0, 12)}`;
  const more = `type=${headers['content-type']} test=${headers['x-test']} agent=${'user-agent' in headers}`;
  say(response, 200, `${seen} ${more} trailer=${trailers['x-sum']}\n`, host);
}

const answer: Handler = (request, response) => {
  const [path = ''] = (request.url ?? '').split('?');
  response.setHeader('X-App', 'node');
  response.setHeader('Content-Type', 'text/plain');
  const page = pages[path] ?? (() => say(response, 404));
  return page(request, response);
};

/** A request that is broken off ends its own answer, not the server. */
async function served(request: Request, response: Answer): Promise<void> {
  try {
    await answer(request, response);
  } catch {
    response.end('');
  }
}

const [address] = process.argv.slice(2);
const http = createServer((request, response) => void served(request, response));
http.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  if (request.url !== '/refuse') response.writeContinue();
  void served(request, response);
});
const http2 = createHTTP2Server((request, response) => void served(request, response));
http.listen(8030, address, () => http2.listen(8031, address, () => console.log('{"ready":true}')));
