/** The HTTP/1.1 side that clients see. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Exchange, ResponseHead, Sink } from './exchange.ts';
import { endToEnd, forHTTP1, forTrailers, type HeaderList, pairs, valuesOf, without } from './headers.ts';

/** Largest head of a request, in bytes: what is shorter is for the policy to refuse, with a reason. */
const headMaxBytes = 64 * 1024;

export interface HTTP1Handlers {
  exchange(exchange: Exchange, socket: Duplex): void;
  connect(authority: string, socket: Duplex): void;
  /** A client sent what is not HTTP; it was answered with this status and its connection is being closed. */
  malformed(status: number, error: Error, socket: Duplex): void;
}

/** Serves connections that were accepted, and whose protocol was detected, elsewhere. */
export interface HTTP1Server {
  serve(socket: Duplex): void;
  /** Closes connections between two requests; the others after their response. */
  drain(): void;
}

interface Open {
  underWay: number;
  refused: boolean;
}

/** Makes a server; `keepAliveMs` is how long a connection may wait for its next request. */
export function createHTTP1Server(handlers: HTTP1Handlers, keepAliveMs: () => number): HTTP1Server {
  const open = new Map<Duplex, Open>();
  let draining = false;
  const server = createServer({ maxHeaderSize: headMaxBytes, shouldUpgradeCallback: isWebSocket });
  const begin = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const entry = open.get(socket) ?? { underWay: 0, refused: false };
    // What came behind a request that was refused for its form cannot be told from its body.
    if (entry.refused) return;
    entry.underWay += 1;
    response.sendDate = false;
    if (draining) response.shouldKeepAlive = false;
    response.once('close', () => {
      entry.underWay -= 1;
      if (draining && entry.underWay === 0) socket.end();
    });
    entry.refused = !serveRequest(handlers, request, response);
  };
  server.on('request', begin).on('checkContinue', begin).on('checkExpectation', begin);
  server.on('upgrade', (request, socket, head) => serveUpgrade(handlers, request, socket, head));
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    open.delete(socket);
    if (head.length > 0) socket.unshift(head);
    handlers.connect(request.url ?? '', socket);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    const answered = (open.get(socket)?.underWay ?? 0) > 0;
    refuseMalformed(socket, answered ? undefined : status);
    if (error.code !== 'ECONNRESET') handlers.malformed(status, error, socket);
  });
  return {
    serve(socket) {
      open.set(socket, { underWay: 0, refused: false });
      socket.once('close', () => open.delete(socket));
      server.keepAliveTimeout = keepAliveMs();
      accept(server, socket);
    },
    drain() {
      draining = true;
      for (const [socket, { underWay }] of open) if (underWay === 0) socket.destroy();
    },
  };
}

/** A server that does not listen takes connections this way (documented for `Server`, event `connection`). */
function accept(server: Server, socket: Duplex): void {
  server.emit('connection', socket);
}

/** Other upgrades are ignored (RFC 9110, 7.8), h2c above all: inside one, requests would pass unseen. */
function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

function refuseMalformed(socket: Duplex, status: number | undefined): void {
  if (status === undefined || !socket.writable) socket.destroy();
  else
    socket.end(
      `HTTP/1.1 ${status} ${status === 431 ? 'Request Header Fields Too Large' : 'Bad Request'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
}

/** @returns false when the request was refused for its form; its connection closes after the answer */
function serveRequest(handlers: HTTP1Handlers, request: IncomingMessage, response: ServerResponse): boolean {
  const problem = unusable(request);
  if (problem === undefined) {
    handlers.exchange(exchangeOf(request, response), request.socket);
    return true;
  }
  response.writeHead(problem.status, { connection: 'close', 'content-length': 0 }).end();
  handlers.malformed(problem.status, new Error(problem.why), request.socket);
  return false;
}

/** What Node's parser takes and a proxy must not pass on (RFC 9112, 3.2, 6.1 and 11.2). */
function unusable(request: IncomingMessage): { status: number; why: string } | undefined {
  const headers = pairs(request.rawHeaders);
  if (valuesOf(headers, 'host').length > 1) return { status: 400, why: 'more than one Host' };
  const codings = valuesOf(headers, 'transfer-encoding');
  if (codings.length > 0 && codings.join() !== 'chunked') return { status: 501, why: 'transfer coding is not chunked' };
  if (isWebSocket(request) && hasBody(headers)) return { status: 400, why: 'upgrade of a request that has a body' };
  return undefined;
}

function hasBody(headers: HeaderList): boolean {
  const lengths = valuesOf(headers, 'content-length');
  return valuesOf(headers, 'transfer-encoding').length > 0 || (lengths.length > 0 && lengths[0] !== '0');
}

/** Takes an absolute-form target apart: its authority replaces Host (RFC 9112, 3.2.2). */
function splitTarget(url: string, host: string): { target: string; authority: string } {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [];
  if (authority === undefined) return { target: url, authority: host };
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  const received = pairs(request.rawHeaders);
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
    trailers: () => endToEnd(pairs(request.rawTrailers)),
    inform: (status, headers) => inform(response, status, headers),
    respond: head => respond(response, head),
    switchProtocols: () => request.socket.destroy(),
    abort: () => request.socket.destroy(),
    onGone: listener => onGone(request, response, listener),
  };
}

/** A response can be complete before its request is: then only the connection tells that the client went away. */
function onGone(request: IncomingMessage, response: ServerResponse, listener: () => void): void {
  response.once('close', () => response.writableFinished || listener());
  const closed = () => request.complete || listener();
  request.socket.once('close', closed);
  request.once('end', () => request.socket.off('close', closed));
}

function inform(response: ServerResponse, status: number, headers: HeaderList): void {
  if (response.headersSent) return;
  if (status === 100) response.writeContinue();
  const link = headers.filter(([name]) => name.toLowerCase() === 'link').map(([, value]) => value);
  if (status === 103 && link.length > 0) response.writeEarlyHints({ link });
}

function respond(response: ServerResponse, head: ResponseHead): Sink {
  response.writeHead(head.status, forHTTP1(head.headers));
  response.flushHeaders();
  return {
    stream: response,
    finish: trailers => {
      response.addTrailers(forTrailers(trailers));
      response.end();
    },
  };
}

/** The connection has left Node's server: an ordinary answer is written by a response of our own, and is its last. */
function serveUpgrade(handlers: HTTP1Handlers, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once('finish', () => socket.end());
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
      onGone: listener => void socket.once('close', () => response.writableFinished || listener()),
      switchProtocols: headers => {
        response.detachSocket(socket as Socket);
        socket.write(switchingHead(headers));
        if (head.length > 0) socket.unshift(head);
        return socket;
      },
    },
    socket,
  );
}

function switchingHead(headers: HeaderList): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n`;
}
