/** The ways of requests and connections to where they go, and what becomes of their answers. */
import { receive } from './answers.js';
import { drain } from './calls.js';
import { breakOff, endAfterAnswer, ended, leave, sayFarewell } from './connection.js';
import { joinHeaders, withoutGoAway } from './frames.js';
import * as lib from './lib.js';
import { forget, watch } from './liveness.js';
import { log } from './log.js';
import { answer } from './refuse.js';
import { noTunnel } from './requests.js';

/**
 * The place of the request or connection at hand: its connection upstream, the key of that in Pipy's pool, and how far
 * its answer is. A place has one connection and serves one request at a time; the pipeline of the connection runs with
 * the variables of the request that opened it, whose place it is.
 */
var $place = null;

/** Bytes of a write over HTTP/2, below which no header block can be too long for a peer. */
var joinedMin = 8192;

/** Requests of one connection that may wait for answers beside the newest. */
var waitingMax = 64;

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
  var place = $place;
  if (place.outbound !== outbound) {
    place.outbound = outbound;
    place.isUsed = false;
    place.left = 0;
    place.partial = null;
    place.opened = place.streams;
    if (place.unwanted) lib.hangUp(place);
  }
  if (outbound.state === 'connected') watch(place);
}

/** A place to send to: `target` is `host:port`, `principal` who must answer there (empty: nobody is asked). */
export function newUpstream(target, principal) {
  return { target: target, principal: principal, peer: '', free: [], shards: [] };
}

/**
 * A place at an upstream.
 *
 * - `client`: the connection of the client that it serves
 * - `head`: of the answer, once it has begun; `isWhole`: it is there to its end
 * - `received`: bytes of the answer that Pipy was given; `partial`, `chunks`, `passes`: what comes next of it (answers.js);
 *   `left`: of a frame of HTTP/2 (frames.js)
 * - `asked`: the head of its request; `isHead`: it wants no body
 * - `outbound`: its connection, the kernel's `cookie` for it (liveness.js); `isUsed`: answers came on it; `error`: how it ended
 * - `isAlone`: no other request may use it; `unwanted`: it has to end
 * - `isRepeatable`: the request may be sent again (RFC 9110, 9.2.2); `isRetry`: it was, on another place before
 * - `request`: the head of its request, when its body flows; `isChunked`, `isSent`: the body comes in chunks; is there;
 *   `isBegun`: some of it is
 * - `streams`, `opened`, `isDraining`: of calls that share it (calls.js)
 * - `secured`, `onSecured`: the TLS handshake is done, and who waits for it
 */
export function newPlace(upstream) {
  return {
    upstream: upstream,
    client: null,
    head: null,
    isWhole: false,
    outbound: null,
    cookie: '',
    isWatched: false,
    isUsed: false,
    isRepeatable: false,
    isAlone: false,
    request: null,
    isChunked: false,
    isSent: false,
    isBegun: false,
    error: '',
    received: 0,
    left: 0,
    partial: null,
    chunks: null,
    passes: false,
    unreadable: false,
    asked: null,
    isHead: false,
    unwanted: false,
    isRetry: false,
    streams: 0,
    opened: 0,
    isDraining: false,
    secured: false,
    onSecured: null
  };
}

/**
 * The ways to an upstream, over a transport (filters that carry bytes to `current().target`).
 *
 * - `pooled`: HTTP/1.1 over kept connections, for requests that are small enough to be collected;
 * - `streamed`: HTTP/1.1 over a connection of its own, for bodies that flow;
 * - `upgraded`: HTTP/1.1 that becomes a tunnel;
 * - `session`: a connection of HTTP/2, for those who have a pool of their own (calls.js);
 * - `tcp`: bytes.
 *
 * A sidecar keeps idle connections for longer than this pool does; others (`isApp` even sooner) may close one just as a
 * request goes out on it, which is sent again then. A transport that is secured tells its `handshake`.
 */
export function waysTo(transport, isApp, isSecured) {
  var poolOptions = isApp ? lib.appPoolOptions : lib.poolOptions;
  var session = pipeline($ => transport($).replaceData(received).replaceStreamEnd(withoutError));
  var kept = $ =>
    $.muxHTTP(() => $place, poolOptions)
      .to(session)
      .replaceMessageStart(begin)
      .replaceMessageEnd(finish)
      .replaceStreamEnd(isSecured ? unanswered : againOrUnanswered);
  return {
    pooled: pipeline(isSecured ? kept : $ => $.repeat(isNewTry).to(kept)),
    streamed: pipeline($ =>
      $.onEnd(() => lib.hangUp($place))
        .replaceData(framed)
        .replaceMessageEnd(sent)
        .replaceMessageStart(start => new Data(headOf(start.head)))
        .replaceStreamEnd(unlessSent)
        .pipe(session)
        .decodeHTTPResponse(() => $place.request)
        .replaceMessageStart(beginStreamed)
        .replaceMessageEnd(finishBody)
        .replaceStreamEnd(unanswered)
    ),
    upgraded: pipeline($ =>
      $.onEnd(() => lib.hangUp($place))
        .muxHTTP(() => $place, lib.poolOptions)
        .to(session)
        .replaceMessageStart(beginUpgraded)
        .replaceMessageEnd(finishUpgraded)
        .replaceStreamEnd(unanswered)
        .handleStreamEnd(() => {
          $place.client.tunnelEnded = true;
        })
    ),
    session: pipeline($ => transport($.replaceData(joined)).replaceData(withoutEnds).replaceStreamEnd(withoutError)),
    tcp: pipeline($ =>
      transport($.replaceStreamEnd(isSecured ? afterHandshake : end => end)).handleStreamEnd(() => forget($place))
    )
  };
}

/**
 * Takes the place of a request over HTTP/1.1 and gives its way. A client keeps its place from request to request; when
 * it wants another, or still waits there, it takes one that is free.
 */
export function send(client, upstream, ways, head, isPlain) {
  if (client.place !== null && !client.place.isWhole && !queue(client)) return tooMany(client);
  if (!isPlain) {
    var way = wayAlone(client, upstream, ways, head);
    if (way !== null) return way;
  }
  var place = client.place;
  if (place === null || place.upstream !== upstream || place.isAlone) {
    place = upstream.free.pop() || newPlace(upstream);
    settle(client, place);
  }
  place.head = null;
  place.isWhole = false;
  place.received = 0;
  place.asked = head;
  place.isRepeatable = isPlain && head.method === 'GET';
  place.isHead = !place.isRepeatable && head.method === 'HEAD';
  $place = place;
  return ways.pooled;
}

/** Only a long write can hold a header block that has to be joined. */
function joined(data) {
  return data.size > joinedMin ? joinHeaders(data) : data;
}

function withoutEnds(data) {
  var place = $place;
  return withoutGoAway(place, data, last => drain(place, last));
}

function received(data) {
  return receive($place, data);
}

/** Puts the newest request among those that wait; false when these are too many. Those that wait no more go. */
function queue(client) {
  client.more.filter(place => place.isWhole).forEach(leave);
  client.more = client.more.filter(place => !place.isWhole);
  if (client.more.length >= waitingMax) return false;
  client.more.push(client.place);
  client.place = null;
  return true;
}

/** Each request that waits on a connection has a place of its own: a client that sends on and on would take them all. */
function tooMany(client) {
  sayFarewell(client, '503 Service Unavailable', `too-many-requests: ${waitingMax} wait for answers already.\n`);
  return ended;
}

/** Moves a client, whose answers are whole, to another place. */
function settle(client, place) {
  if (client.place !== null) leave(client.place);
  client.place = place;
  place.client = client;
}

/**
 * The way of a request that needs a connection of its own, in a place of its own; else null. Upgrades other than to a
 * WebSocket are ignored (RFC 9110, 7.8), or requests could pass unseen; so are those with a body that would be collected.
 */
function wayAlone(client, upstream, ways, head) {
  var headers = head.headers;
  var length = headers['content-length'];
  var isChunked = headers['transfer-encoding'] !== undefined;
  var mustFlow = isChunked || headers.expect !== undefined || Number.parseInt(length || '0', 10) > lib.pooledBodyMax;
  var isUpgrade = lib.isWebSocket(headers) && !mustFlow;
  if (!isUpgrade) {
    delete headers.upgrade;
    noTunnel(client);
  }
  if (!isUpgrade && !mustFlow) return null;
  var place = newPlace(upstream);
  place.isAlone = true;
  place.isChunked = isChunked;
  place.request = head;
  place.asked = head;
  place.isHead = head.method === 'HEAD';
  settle(client, place);
  $place = place;
  if (isUpgrade) lib.restoreUpgrade(head);
  return isUpgrade ? ways.upgraded : ways.streamed;
}

/** The way of a connection. */
export function tunnel(upstream, ways) {
  $place = newPlace(upstream);
  return ways.tcp;
}

/** For those who have a pool of their own: whose place the connection is that is being made. */
export function usePlace(place) {
  $place = place;
}

/** The upstream of the connection that is being made; for transports. */
export function current() {
  return $place.upstream;
}

/** Ends the connection that is being made, because of who is at its other end; for transports. */
export function refusePeer() {
  lib.hangUp($place);
}

/** Pipy's `connectTLS` ends a handshake when it is told the end of what will be said after it: so that end has to wait. */
function afterHandshake(end) {
  var place = $place;
  if (place.secured) return end;
  return new Promise(resolve => {
    place.onSecured = () => resolve(end);
  });
}

/** For `onState` of a transport's TLS. */
export function handshake(session) {
  var place = $place;
  if (session.state !== 'connected') return;
  place.secured = true;
  if (place.onSecured !== null) place.onSecured();
}

/** What a client is told when no answer comes, by the error of Pipy that tells why (RFC 9110, 15.6.3 to 15.6.5). */
var failures = new Map([
  ['ConnectionRefused', { status: 503, reason: 'upstream-unreachable' }],
  ['CannotResolve', { status: 503, reason: 'upstream-unreachable' }],
  ['ConnectionTimeout', { status: 504, reason: 'upstream-silent' }],
  ['ReadTimeout', { status: 504, reason: 'upstream-silent' }],
  ['WriteTimeout', { status: 504, reason: 'upstream-silent' }],
  ['IdleTimeout', { status: 504, reason: 'upstream-silent' }]
]);
var closed = { status: 502, reason: 'upstream-closed' };
var unreadable = { status: 502, reason: 'upstream-malformed' };
var impostor = { status: 502, reason: 'upstream-identity' };

function begin(start) {
  var place = $place;
  var head = start.head;
  place.head = head;
  if (head.protocol !== 'HTTP/1.1') ofOldApp(place, head);
  if (head.status === 304 || place.isHead) lib.keepLength(place.asked, head);
  return head.status === 304 || head.status === 204 ? withoutBody(start) : start;
}

function beginStreamed(start) {
  if (start.head.status >= 200 && isUnsent($place)) start.head.headers.connection = 'close';
  return begin(start);
}

/** A client is told our own version (RFC 9112, 2.3). Whether the app keeps its connection Pipy does not tell. */
function ofOldApp(place, head) {
  place.isAlone = true;
  head.protocol = 'HTTP/1.1';
}

/** An answer without a body may name the length of one (RFC 9110, 8.6), which Pipy would wait for. */
function withoutBody(start) {
  var place = $place;
  if (place.head.headers['content-length'] === undefined) return start;
  place.isWhole = true;
  place.isAlone = true;
  lib.hangUp(place);
  return [start, new MessageEnd()];
}

function finish(end) {
  var place = $place;
  if (!end.tail || place.head.status < 200) return unusual(place, end);
  place.isWhole = true;
  place.isUsed = true;
  if (end.tail.headSize + end.tail.bodySize !== place.received) place.isAlone = true;
  return end;
}

/**
 * The connection has done its work. When the answer came before the whole body was sent, that ends what is left of it: an
 * upstream that reads no more would hold the client up, and Pipy would not notice that it leaves.
 */
function finishBody(end) {
  var place = $place;
  var last = finish(end);
  if (place.isWhole) lib.hangUp(place);
  if (place.isWhole && isUnsent(place)) endAfterAnswer(place.client);
  return last;
}

/** A client that waits for a 100 may send its body after another answer, or the next request (RFC 9110, 10.1.1). */
function isUnsent(place) {
  return !place.isBegun && !place.isSent && place.request !== null && place.request.headers.expect !== undefined;
}

/**
 * An end without a tail, or of an answer that is not the last one. A response that ended before its length is not whole;
 * Pipy would end it as if it were. Of 1xx it takes all but 100 for the last answer, so none of those can be passed on.
 */
function unusual(place, end) {
  var status = place.head.status;
  if (place.isWhole) return end;
  if (status === 100) {
    place.head = null;
    if (end.tail) place.received -= end.tail.headSize;
    return end;
  }
  if (status < 200 || isCut(place)) return cut(place);
  place.isWhole = true;
  return end;
}

/** A response without a length lasts until its connection ends, in good order. */
function isCut(place) {
  var headers = place.head.headers;
  var hasLength = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return hasLength || place.error !== '';
}

function cut(place) {
  log('warn', 'a response was broken off', { target: place.upstream.target, reason: 'upstream-closed' });
  return breakOff(place.client);
}

function beginUpgraded(start) {
  if (start.head.status === 101) lib.restoreUpgrade(start.head);
  return begin(start);
}

/** 101 makes the connection a tunnel, of which nothing is counted; anything else is an ordinary answer. */
function finishUpgraded(end) {
  if ($place.head.status !== 101) {
    noTunnel($place.client);
    return finish(end);
  }
  $place.isWhole = true;
  $place.client.tunnel = true;
  return end;
}

/** Answers a request whose upstream ended without a response; Pipy would close the client's connection. */
function unanswered(end) {
  var place = $place;
  if (place.isWhole || place.client.gone || place.client.farewell !== '') return end;
  if (place.head !== null) return isCut(place) ? cut(place) : end;
  return [failure(failureOf(place)), end];
}

/** What a client is told when a connection has brought no answer: status, reason and detail. */
export function failureOf(place) {
  var { target, peer } = place.upstream;
  var told = place.unreadable ? unreadable : peer !== '' ? impostor : failures.get(place.error) || closed;
  var detail =
    peer || `${target} gave no answer (${place.unreadable ? 'it cannot be read' : place.error || 'closed'}).`;
  return { status: told.status, reason: told.reason, detail: detail };
}

/** A kept connection that turns out to be dead is no answer: once, a new one is asked. */
function againOrUnanswered(end) {
  var place = $place;
  if (place.head !== null || !place.isUsed || !place.isRepeatable || place.client.gone) return unanswered(end);
  var fresh = newPlace(place.upstream);
  fresh.client = place.client;
  fresh.isRetry = true;
  if (place.client.place === place) place.client.place = fresh;
  else place.client.more = place.client.more.map(each => (each === place ? fresh : each));
  $place = fresh;
  return end;
}

function isNewTry() {
  var isRetry = $place.isRetry;
  $place.isRetry = false;
  return isRetry;
}

function failure(told) {
  $place.isWhole = true;
  $place.isAlone = true;
  log('warn', 'an upstream failed', { target: $place.upstream.target, ...told });
  return answer(told);
}

/** Keeps the error for `unanswered` and takes it off the event: Pipy would make a response of it. */
function withoutError(end) {
  $place.error = end.error || '';
  forget($place);
  return new StreamEnd();
}

/**
 * A request's head as bytes: it goes out before its body, with the length or the coding that it came with. It asks for no
 * close: an app that then answers early resets the connection (RFC 9112, 9.6), and Pipy would lose the answer.
 */
function headOf(head) {
  var headers = head.headers;
  var names = head.headerNames || {};
  delete headers.connection;
  var lines = Object.keys(headers).map(key => linesOf(names[key] || key, headers[key]));
  return `${head.method} ${head.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function linesOf(name, value) {
  return typeof value === 'string' ? `${name}: ${value}\r\n` : value.map(each => `${name}: ${each}\r\n`).join('');
}

function framed(data) {
  if (data.size > 0) $place.isBegun = true;
  if (!$place.isChunked) return data;
  return data.size === 0 ? undefined : [new Data(`${data.size.toString(16)}\r\n`), data, new Data('\r\n')];
}

function sent() {
  $place.isSent = true;
  return $place.isChunked ? new Data('0\r\n\r\n') : undefined;
}

/** A client that breaks off its body ends the upstream's as well, before it is whole. */
function unlessSent(end) {
  return $place.isSent ? undefined : end;
}
