/** The ways of requests and connections to where they go, and what becomes of their answers. */
import { beginBody, check, heard, mark, receive } from './answers.js';
import { dropRest, framed, sent } from './bodies.js';
import { breakOff, endAfterAnswer, ended, isAwaited, leave, sayFarewell } from './connection.js';
import { requestHead } from './framing.js';
import { http2 } from './http2-on-demand.js';
import * as lib from './lib.js';
import { forget } from './liveness.js';
import { log } from './log.js';
import { close, failureOf, hasNoBody, isCut, isUnsent, newPlace, ofOldApp } from './places.js';
import { answer } from './refuse.js';
import { noTunnel } from './requests.js';

/**
 * The place of the request or connection at hand: its connection upstream, the key of that in Pipy's pool, and how far
 * its answer is. A place has one connection and serves one request at a time; the pipeline of the connection runs with
 * the variables of the request that opened it, whose place it is.
 */
var $place = null;

/** Requests of one connection that may wait for answers beside the newest. */
var waitingMax = 64;

/**
 * The ways to an upstream, over a transport: filters that carry bytes to the target of the place that they are asked for.
 *
 * - `pooled`: HTTP/1.1 over kept connections, for requests that are small enough to be collected;
 * - `streamed`: HTTP/1.1 over a connection of its own, for bodies that flow;
 * - `upgraded`: HTTP/1.1 that becomes a tunnel;
 * - `session`: gives a connection of HTTP/2 for a place whose calls come and go (calls.js);
 * - `tcp`: bytes.
 *
 * A sidecar keeps idle connections for longer than this pool does; others (`isApp` even sooner) may close one just as a
 * request goes out on it, which is sent again then. A transport that is secured tells its `handshake`.
 */
export function waysTo(transport, isApp, isSecured) {
  var poolOptions = isApp ? lib.appPoolOptions : lib.poolOptions;
  var session = pipeline($ =>
    (isSecured
      ? transport($, here).replaceData(data => heard($place, data))
      : transport($, here).replaceData(received).replaceData(checked)
    ).replaceStreamEnd(end => withoutError($place, end))
  );
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
        .replaceData(data => framed($place, data))
        .replaceMessageEnd(() => sent($place))
        .replaceMessageStart(start => new Data(requestHead(start.head)))
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
    session: place =>
      pipeline($ =>
        transport(
          $.onStart(() => http2().beginSession(place)).replaceData(data => http2().said(place, data)),
          () => place
        )
          .replaceData(data => http2().heard(place, data))
          .replaceStreamEnd(end => overSession(place, end))
      ),
    tcp: pipeline($ =>
      transport($.replaceStreamEnd(isSecured ? afterHandshake : end => end), here).handleStreamEnd(() => forget($place))
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
  place.asked = head;
  place.isRepeatable = isPlain && head.method === 'GET';
  $place = place;
  return ways.pooled;
}

function received(data) {
  return receive($place, data);
}

function checked(data) {
  if (data !== mark) return data;
  var place = $place;
  if (place.head === null || place.rest !== null) return check(place);
  place.fed = null;
  place.copy = null;
  return undefined;
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
  var size = Number.parseInt(length || '0', 10);
  // Of a HEAD that it has collected Pipy writes the length and leaves the body out: what comes next would be taken for it.
  var isHeadWithBody = size > 0 && head.method === 'HEAD';
  var mustFlow = isChunked || headers.expect !== undefined || size > lib.pooledBodyMax || isHeadWithBody;
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
  settle(client, place);
  $place = place;
  if (isUpgrade) lib.restoreUpgrade(head);
  place.isSent = isUpgrade;
  return isUpgrade ? ways.upgraded : ways.streamed;
}

/** The way of a connection. */
export function tunnel(upstream, ways) {
  $place = newPlace(upstream);
  return ways.tcp;
}

/** The place of the connection that is being made. */
function here() {
  return $place;
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
export function handshake(place, session) {
  if (session.state !== 'connected') return;
  place.secured = true;
  if (place.onSecured !== null) place.onSecured();
  place.onSecured = null;
}

function begin(start) {
  var place = $place;
  var head = start.head;
  place.head = head;
  if (head.status === 100) {
    // Behind another answer Pipy would take it for the last one of its request.
    place.isInterimPassed = !place.client.isOld && !isAwaited(place.client, place);
    return place.isInterimPassed ? start : undefined;
  }
  if (head.status === 101) return failed(place);
  // Pipy would write it to a client of HTTP/2 as what no answer has.
  if (place.client.reader !== null) delete head.headers.host;
  var { headers } = head;
  if (
    place.fed !== null &&
    (headers['content-length'] !== place.length || headers['transfer-encoding'] !== undefined) &&
    !hasNoBody(place, head) &&
    !beginBody(place, headers)
  )
    return failed(place);
  if (head.protocol !== 'HTTP/1.1') ofOldApp(place, head);
  if (head.status === 304 || place.asked.method === 'HEAD') lib.keepLength(place.asked, head);
  return head.status === 304 || head.status === 204 ? withoutBody(start) : start;
}

function beginStreamed(start) {
  if (start.head.status >= 200 && (isUnsent($place) || $place.client.isLast)) start.head.headers.connection = 'close';
  return begin(start);
}

/** An answer that Pipy would take for another one. */
function failed(place) {
  place.unreadable = true;
  lib.hangUp(place);
  return failure(failureOf(place));
}

/** An answer without a body may name the length of one (RFC 9110, 8.6) or a coding, which Pipy would wait for. */
function withoutBody(start) {
  var place = $place;
  var headers = place.head.headers;
  if (place.head.status === 204 && headers['transfer-encoding'] !== undefined) delete headers['transfer-encoding'];
  else if (headers['content-length'] === undefined) return start;
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
  if (place.received > 0) {
    // Where more bytes came than the answer has, nobody can tell whose they are. Other sidecars send none.
    if (end.tail.headSize + end.tail.bodySize !== place.received) place.isAlone = true;
    place.received = 0;
  }
  return end;
}

/** The connection has done its work. */
function finishBody(end) {
  var place = $place;
  var last = finish(end);
  if (place.isWhole) dropRest(place);
  if (place.isWhole && (isUnsent(place) || place.client.isLast)) endAfterAnswer(place.client);
  return last;
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
    if (end.tail && place.received > 0) place.received -= end.tail.headSize;
    return place.isInterimPassed ? end : undefined;
  }
  if (status < 200 || isCut(place)) return cut(place);
  place.isWhole = true;
  return end;
}

function cut(place) {
  place.isWhole = true;
  place.isAlone = true;
  log('warn', 'a response was broken off', { target: place.upstream.target, reason: 'upstream-closed' });
  return breakOff(place.client);
}

function beginUpgraded(start) {
  var head = start.head;
  if (head.status !== 101) {
    head.headers.connection = 'close';
    return begin(start);
  }
  $place.head = head;
  lib.restoreUpgrade(head);
  return start;
}

/** 101 makes the connection a tunnel, of which nothing is counted; anything else is an ordinary answer. */
function finishUpgraded(end) {
  if ($place.head.status !== 101) {
    endAfterAnswer($place.client);
    return finish(end);
  }
  $place.isWhole = true;
  $place.client.tunnel = true;
  return end;
}

/** Answers a request whose upstream ended without a response; Pipy would close the client's connection. */
function unanswered(end) {
  var place = $place;
  if (place.isWhole || place.client.gone) return end;
  if (place.head !== null) return isCut(place) ? cut(place) : end;
  if (place.client.farewell !== '') return end;
  return [failure(failureOf(place)), end];
}

/** A kept connection that turns out to be dead is no answer: once, a new one is asked. */
function againOrUnanswered(end) {
  var place = $place;
  if (place.head !== null || !place.isUsed || !place.isRepeatable || place.client.gone) return unanswered(end);
  var fresh = newPlace(place.upstream);
  fresh.client = place.client;
  fresh.isRetry = true;
  fresh.asked = place.asked;
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
  var place = $place;
  place.isWhole = true;
  place.isAlone = true;
  log('warn', 'an upstream failed', { target: place.upstream.target, ...told });
  var message = answer(told);
  if (place.request !== null) dropRest(place);
  if (!isUnsent(place)) return message;
  message.head.headers.connection = 'close';
  endAfterAnswer(place.client);
  return message;
}

/**
 * Calls that come later take another connection. One that we have ended for what it said is told to end once more when it is
 * closed, and then calls that were given up might be gone with their way.
 */
function overSession(place, end) {
  if (place.isClosed) return undefined;
  close(place);
  return withoutError(place, end);
}

/** Keeps the error for `unanswered` and takes it off the event: Pipy would make a response of it. */
function withoutError(place, end) {
  place.error = end.error || '';
  forget(place);
  return new StreamEnd();
}

/** A client that breaks off its body ends the upstream's as well, before it is whole. */
function unlessSent(end) {
  return $place.isSent ? undefined : end;
}
