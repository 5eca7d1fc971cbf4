import { breakOff } from './connection.js';
import * as lib from './lib.js';
import { log } from './log.js';
import { answer } from './refuse.js';

/** Where this request or connection goes. For HTTP it is also the pool's key: one object for each place, for ever. */
var $upstream = null;
/** The HTTP/2 connection of this request, as far as it is counted. */
var $shard = null;
/** How far the response is: 0 not begun; 1 begun, and only the upstream's end ends it; 2 begun, with a length; 3 whole. */
var $progress = 0;

/** The connection to it that is being made. */
var $connection = null;

/** Options of `connect`, in seconds. */
var options = { connectTimeout: 5, idleTimeout: 60, onState: opened };

/** For `connect`, which asks for each connection. */
export function connectOptions() {
  return options;
}

/** Says how long an upstream may be silent, in seconds; for new connections. */
export function setIdle(seconds) {
  options = { connectTimeout: 5, idleTimeout: seconds, onState: opened };
}

function opened(outbound) {
  $connection = outbound;
}

/** A place to send to: `target` is `host:port`, `principal` who must answer there (empty: nobody is asked). */
export function newUpstream(target, principal) {
  return { target: target, principal: principal, error: '', peer: '', shards: [] };
}

/**
 * The ways to an upstream, over a transport (a layout that makes the bytes' way to `target()`).
 *
 * - `pooled`: HTTP/1.1 over kept connections, for requests that are small enough to be collected;
 * - `streamed`: HTTP/1.1 over a connection of its own, for bodies that flow;
 * - `upgraded`: HTTP/1.1 that becomes a tunnel;
 * - `http2`: HTTP/2, a connection for each hundred streams;
 * - `tcp`: bytes.
 */
export function waysTo(transport, isApp) {
  return {
    pooled: pipeline($ =>
      $.muxHTTP(() => $upstream, isApp ? lib.appPoolOptions : lib.poolOptions)
        .to($ => $.pipe(transport).replaceStreamEnd(withoutError))
        .handleMessageStart(begun)
        .replaceMessageEnd(whole)
        .replaceStreamEnd(unanswered),
    ),
    streamed: pipeline($ =>
      $.replaceStreamEnd(() => undefined)
        .encodeHTTPRequest(lib.streamOptions)
        .pipe(transport)
        .replaceStreamEnd(withoutError)
        .decodeHTTPResponse()
        .handleMessageStart(begun)
        .replaceMessageEnd(whole)
        .replaceStreamEnd(unanswered),
    ),
    upgraded: pipeline($ =>
      $.muxHTTP(() => $upstream, lib.poolOptions)
        .to($ => $.pipe(transport).replaceStreamEnd(withoutError))
        .handleMessageStart(start => {
          $progress = 3;
          lib.restoreUpgrade(start.head);
        })
        .replaceStreamEnd(unanswered),
    ),
    http2: pipeline($ =>
      $.onStart(enterShard)
        .onEnd(leaveShard)
        .muxHTTP(() => $shard, lib.http2Options)
        .to($ => $.pipe(transport).replaceStreamEnd(withoutError))
        .handleMessageStart(() => {
          $progress = 3;
        })
        .replaceStreamEnd(unanswered),
    ),
    tcp: pipeline($ => $.pipe(transport)),
  };
}

/** Chooses the way of a request, once it is known where it goes. */
export function send(upstream, ways, head, useHTTP2) {
  $upstream = upstream;
  if (useHTTP2) return ways.http2;
  var headers = head.headers;
  if (headers.upgrade !== undefined && lib.isWebSocket(headers)) {
    lib.restoreUpgrade(head);
    return ways.upgraded;
  }
  var length = headers['content-length'];
  var mustFlow = headers['transfer-encoding'] !== undefined || headers.expect !== undefined;
  if (mustFlow || (length !== undefined && Number.parseInt(length, 10) > lib.pooledBodyMax)) {
    headers.connection = 'close';
    return ways.streamed;
  }
  return ways.pooled;
}

/** The way of a connection. */
export function tunnel(upstream, ways) {
  $upstream = upstream;
  return ways.tcp;
}

/** The upstream of the connection that is being made; for transports. */
export function current() {
  return $upstream;
}

/** The connection that is being made; for transports. */
export function connection() {
  return $connection;
}

/** What a client is told when no answer comes, by the error of Pipy that tells why (RFC 9110, 15.6.3 to 15.6.5). */
var failures = new Map([
  ['ConnectionRefused', { status: 503, reason: 'upstream-unreachable' }],
  ['CannotResolve', { status: 503, reason: 'upstream-unreachable' }],
  ['ConnectionTimeout', { status: 504, reason: 'upstream-silent' }],
  ['ReadTimeout', { status: 504, reason: 'upstream-silent' }],
  ['WriteTimeout', { status: 504, reason: 'upstream-silent' }],
  ['IdleTimeout', { status: 504, reason: 'upstream-silent' }],
]);
var closed = { status: 502, reason: 'upstream-closed' };
var impostor = { status: 502, reason: 'upstream-identity' };

/** Takes a place on a connection that has one: Pipy does not count what the peer allows (RFC 9113, 5.1.2). */
function enterShard() {
  var free = $upstream.shards.find(shard => shard.streams < lib.streamsMax);
  if (free === undefined) {
    free = { streams: 0 };
    $upstream.shards.push(free);
  }
  free.streams++;
  $shard = free;
}

function leaveShard() {
  $shard.streams--;
  if ($shard.streams === 0)
    $upstream.shards = $upstream.shards.filter(shard => shard.streams > 0 || shard === $upstream.shards[0]);
}

function begun(start) {
  var headers = start.head.headers;
  $progress = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined ? 1 : 2;
}

/** A response that ended before its length is not whole; Pipy would end it as if it were. A whole one has a tail. */
function whole(end) {
  var isCut = $progress === 2 && !end.tail;
  $progress = 3;
  return isCut ? cut() : end;
}

function cut() {
  log('warn', 'a response was broken off', { target: $upstream.target, reason: 'upstream-closed' });
  return breakOff();
}

/** Answers a request whose upstream ended without a response; Pipy would close the client's connection. */
function unanswered(end) {
  if ($progress === 2) return cut();
  if ($progress > 0) return end;
  $progress = 3;
  var failure = $upstream.peer !== '' ? impostor : failures.get($upstream.error) || closed;
  var detail = $upstream.peer || `${$upstream.target} gave no answer (${$upstream.error || 'closed'}).`;
  log('warn', 'an upstream failed', { target: $upstream.target, ...failure, detail: detail });
  $upstream.error = '';
  return [answer({ status: failure.status, reason: failure.reason, detail: detail }), end];
}

/** Keeps the error for `unanswered` and takes it off the event: Pipy would make a response of it. */
function withoutError(end) {
  $upstream.error = end.error || $upstream.error;
  return new StreamEnd();
}
