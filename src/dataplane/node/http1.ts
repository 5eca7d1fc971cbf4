/** The HTTP/1.1 side that clients see. */
import { createServer, type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Connections } from './connections.ts';
import { isRequestLine } from './detect.ts';
import type { Exchange, ResponseHead, Sink } from './exchange.ts';
import { guarded } from './guard.ts';
import {
  endToEnd,
  endToEndTrailers,
  forHTTP1,
  forTrailers,
  type HeaderList,
  has,
  pairs,
  valuesOf,
  without,
} from './headers.ts';
import { refuseConnect, type Told, textOf } from './refuse.ts';
import { endSoon, reset } from './tcp.ts';

/** Largest head of a request, in bytes: what is shorter is for the policy to refuse, with a reason. */
const headMaxBytes = 64 * 1024;

export interface HTTP1Handlers {
  exchange(exchange: Exchange, socket: Duplex): void;
  connect(authority: string, socket: Duplex): void;
  /** A client sent what is not HTTP; it was answered with this status and its connection is being closed. */
  malformed(status: number, error: Error, socket: Duplex): void;
  /** Something threw that never should; its connection is being closed. */
  unexpected(error: Error): void;
}

/** Serves connections that were accepted, and whose protocol was detected, elsewhere. */
export interface HTTP1Server {
  serve(socket: Duplex): void;
  /** Closes connections between two requests; the others after their response. */
  drain(): void;
}

/** Makes a server; `keepAliveMs` is how long a connection may wait for its next request. */
export function createHTTP1Server(handlers: HTTP1Handlers, keepAliveMs: () => number): HTTP1Server {
  const connections = new Connections(keepAliveMs);
  const server = createServer({ maxHeaderSize: headMaxBytes, requireHostHeader: false });
  // What is beyond a bound would be left out without a word; the size of a head is bounded.
  server.maxHeadersCount = 0;
  const begin = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (!connections.begin(socket, request, response)) return;
    response.sendDate = false;
    // Writing after an end is told as an error, which would end the process.
    response.on('error', () => socket.destroy());
    guardedOn(socket, handlers, () => serveRequest(handlers, request, response) || connections.refuse(socket));
  };
  server.on('request', begin).on('checkContinue', begin).on('checkExpectation', begin);
  const leave = (socket: Duplex, run: () => void) => connections.leave(socket, () => guardedOn(socket, handlers, run));
  server.on('upgrade', (request, socket, head) =>
    leave(socket, () => {
      if (isWebSocket(request)) return serveUpgrade(handlers, request, socket, head);
      putBack(request, socket, head);
      serve(socket);
    }),
  );
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    leave(socket, () => {
      if (head.length > 0) socket.unshift(head);
      handlers.connect(request.url ?? '', socket);
    }),
  );
  server.on('clientError', (error: ParserError, socket) => {
    // What comes behind the last request of a connection is not looked at (RFC 9112, 9.6).
    if (error.code === 'HPE_CLOSED_CONNECTION') return connections.refuse(socket);
    if (error.code?.startsWith('HPE_') !== true) return void socket.destroy();
    connections.spoil(socket, () => {
      const told = toldFor(error);
      handlers.malformed(told.status, error, socket);
      if (socket.writable) refuseConnect(socket, told);
      else socket.destroy();
    });
  });
  const serve = (socket: Duplex) => {
    connections.add(socket);
    // node:http does not say that the bytes of a head are no UTF-8 (RFC 9110, 5.5).
    socket.setDefaultEncoding('latin1');
    server.keepAliveTimeout = keepAliveMs();
    accept(server, socket);
  };
  return {
    serve,
    drain: () => connections.drain(),
  };
}

function guardedOn(socket: Duplex, handlers: HTTP1Handlers, run: () => void): void {
  guarded(run, error => {
    socket.destroy();
    handlers.unexpected(error);
  })();
}

/** A server that does not listen takes connections this way (documented for `Server`, event `connection`). */
function accept(server: Server, socket: Duplex): void {
  server.emit('connection', socket);
}

/** HTTP/1.0 knows no upgrades (RFC 9110, 7.8). */
function isWebSocket(request: IncomingMessage): boolean {
  return request.httpVersion !== '1.0' && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Other upgrades are ignored (RFC 9110, 7.8), h2c above all: inside one, requests would pass unseen. Node's parser,
 * when it is told to ignore one, loses what came with it; so it gets the request again, without.
 */
function putBack(request: IncomingMessage, socket: Duplex, rest: Buffer): void {
  const headers = without(pairs(request.rawHeaders), 'upgrade');
  const lines = headers.map(([name, value]) => `${name}:${value}\r\n`).join('');
  const head = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n${lines}\r\n`;
  socket.unshift(Buffer.concat([Buffer.from(head, 'latin1'), rest]));
}

type ParserError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer; readonly bytesParsed?: number };

/** What the parser's error is for the client. Any token is a method (RFC 9110, 9.1), and Node knows some. */
function toldFor(error: ParserError): Told {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, reason: 'malformed', detail: 'The head is too long.' };
  if (error.code === 'HPE_INVALID_METHOD' && isRequestLine(lineOf(error)))
    return { status: 501, reason: 'method-not-known', detail: 'This sidecar does not know the method.' };
  return { status: 400, reason: 'malformed', detail: 'This is no HTTP request.' };
}

/** What came from the line on in which the parser stopped. */
function lineOf({ rawPacket = Buffer.alloc(0), bytesParsed = 0 }: ParserError): Buffer {
  return rawPacket.subarray(rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1);
}

/** @returns false when the request was refused for its form; its connection closes after the answer */
function serveRequest(handlers: HTTP1Handlers, request: IncomingMessage, response: ServerResponse): boolean {
  const told = unusable(request);
  if (told === undefined) {
    handlers.exchange(exchangeOf(request, response), request.socket);
    return true;
  }
  const body = textOf(told);
  response.writeHead(told.status, { connection: 'close', 'content-length': Buffer.byteLength(body) }).end(body);
  handlers.malformed(told.status, new Error(told.detail), request.socket);
  return false;
}

/** What Node's parser takes and a proxy must not pass on (RFC 9112, 3.2, 6.1 and 11.2). */
function unusable(request: IncomingMessage): Told | undefined {
  const headers = pairs(request.rawHeaders);
  const bad = (detail: string, status = 400) => ({ status, reason: 'malformed', detail });
  const hosts = valuesOf(headers, 'host').length;
  if (hosts > 1) return bad('The request has more than one Host.');
  if (hosts === 0 && request.httpVersion === '1.1') return bad('The request has no Host.');
  if (request.httpVersionMajor !== 1) return bad('This is no HTTP request.');
  const codings = valuesOf(headers, 'transfer-encoding');
  if (codings.length > 0 && codings.join().trim() !== 'chunked') return bad('The transfer coding is not chunked.', 501);
  if (isWebSocket(request) && hasBody(headers)) return bad('An upgrade has no body.');
  return undefined;
}

function hasBody(headers: HeaderList): boolean {
  const lengths = valuesOf(headers, 'content-length');
  return has(headers, 'transfer-encoding') || (lengths.length > 0 && lengths[0] !== '0');
}

/** Takes an absolute-form target apart: its authority replaces Host (RFC 9112, 3.2.2). */
function splitTarget(url: string, host: string): { target: string; authority: string } {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [];
  if (authority === undefined) return { target: url, authority: host };
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  const received = pairs(request.rawHeaders);
  const takesChunks = request.httpVersion !== '1.0';
  let head: ResponseHead | undefined;
  return {
    version: 1,
    method: request.method ?? '',
    ...splitTarget(request.url ?? '', request.headers.host ?? ''),
    headers: without(endToEnd(received), 'host'),
    hasBody: hasBody(received),
    takesTrailers: valuesOf(received, 'te').join().includes('trailers'),
    upgrade: false,
    body: request,
    isWhole: () => request.complete,
    trailers: () => endToEndTrailers(pairs(request.rawTrailers)),
    // A client of HTTP/1.0 takes the first head for the answer (RFC 9110, 15.2).
    inform: (status, headers) => takesChunks && inform(response, status, headers),
    respond: begun => {
      head = begun;
      return respond(response, begun, takesChunks);
    },
    switchProtocols: () => request.socket.destroy(),
    abort: () => breakOff(request.socket, response, !takesChunks && !has(head?.headers ?? [], 'content-length')),
    giveBack: null,
    onGone: listener => onGone(request, response, listener),
  };
}

/**
 * Ends the connection in the middle of a response, when it is that one's turn: those before it are whole. Where its end
 * is the end of the connection (`lastsUntilEnd`; RFC 9112, 6.3), only a reset tells the client that it is cut.
 */
function breakOff(socket: Socket, response: ServerResponse, lastsUntilEnd: boolean): void {
  if (response.socket === null && !socket.destroyed) {
    response.once('socket', () => breakOff(socket, response, lastsUntilEnd));
    return;
  }
  // What was begun goes out first.
  while (socket.writableCorked > 0) socket.uncork();
  if (lastsUntilEnd) reset(socket);
  else socket.destroy();
}

/** A response can be complete before its request is: then only the connection tells that the client went away. */
function onGone(request: IncomingMessage, response: ServerResponse, listener: () => void): void {
  response.once('close', () => response.writableFinished || listener());
  const closed = () => request.complete || listener();
  request.socket.once('close', closed);
  request.once('end', () => request.socket.off('close', closed));
}

/** Node has methods for some of them, which lose headers and throw at others. */
function inform(response: ServerResponse, status: number, headers: HeaderList): void {
  if (response.headersSent) return;
  if (status === 100) return response.writeContinue();
  const text = headOf(status, headers);
  const write = () => void (response.headersSent || response.socket?.write(text, 'latin1'));
  // A response that waits for those before it has no connection yet.
  if (response.socket === null) response.once('socket', write);
  else write();
}

function headOf(status: number, headers: HeaderList): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n`;
}

function respond(response: ServerResponse, { status, headers, ends }: ResponseHead, takesChunks: boolean): Sink {
  const inChunks = takesChunks && !ends && !has(headers, 'content-length');
  // The head and what there is of the body go out together.
  const { socket } = response;
  socket?.cork();
  setImmediate(() => socket?.uncork());
  response.writeHead(status, forHTTP1(headers, inChunks));
  response.flushHeaders();
  return {
    stream: response,
    finish: trailers => {
      if (inChunks) response.addTrailers(forTrailers(trailers));
      response.end();
    },
  };
}

/** The connection has left Node's server: an ordinary answer is written by a response of our own, and is its last. */
function serveUpgrade(handlers: HTTP1Handlers, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.on('error', () => socket.destroy()).once('finish', () => endSoon(socket));
  socket.on('error', () => socket.destroy());
  const problem = unusable(request);
  if (problem !== undefined) {
    serveRequest(handlers, request, response);
    return;
  }
  const exchange = exchangeOf(request, response);
  handlers.exchange(
    {
      ...exchange,
      upgrade: true,
      abort: () => socket.destroy(),
      giveBack: null,
      onGone: listener => void socket.once('close', () => response.writableFinished || listener()),
      switchProtocols: headers => {
        response.detachSocket(socket as Socket);
        socket.write(headOf(101, [['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ...headers]), 'latin1');
        if (head.length > 0) socket.unshift(head);
        return socket;
      },
    },
    socket,
  );
}
