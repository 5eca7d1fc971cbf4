/** HTTP/2 upstream: calls that share connections, a hundred on each, and the status of those of gRPC. */
import { breakOff, endAfterAnswer, isAwaited } from './connection.js';
import { breakOffTail, giveBackHead, giveBackTail } from './frames.js';
import { tokensOf } from './framing.js';
import * as lib from './lib.js';
import { log } from './log.js';
import { failureOf, hasNoBody, newPlace, refusalOf, retire, streamOf, withdraw } from './places.js';
import { answer } from './refuse.js';
import { noTunnel } from './requests.js';

/**
 * The call at hand.
 *
 * - `upstream`, `session`: where it goes; `shard`: the place there that it shares, null while it waits, with the number of calls there (`streams`) and how many its connection has had
 *   (`opened`, of which it is the `nth`)
 * - `client`, `asked`, `isOfHTTP1`: whose request it is, and what kind of one
 * - `isSaid`: all of the request is; `isCancelled`: its client has given it up
 * - `ended`: its stream, once that has ended with trailers
 * - `isRepeatable`: it may be sent again, `isRepeated`: it will be, unless it `isLeft`
 * - `isBegun`, `isWhole`, `isOver`, `isCut`: of its answer; `length`: what that says of itself; `isFailing`: it is one of ours
 * - `isGRPC`, `trailers`: see `begin`
 */
var $call = null;

/**
 * The way of calls on one connection. Each has one of its own: where a call was given up before its answer came, Pipy tells
 * its place in the layout's pool of that answer, whoever has the place by then (a `MuxSource` that `on_close` of an HTTP/2
 * stream outlives: crashes, and answers that go to others). So after that no call comes to the layout any more.
 */
function callsOver(shard) {
  return pipeline($ =>
    $.onEnd(() => leave(shard))
      .replaceMessageEnd(said)
      .replaceStreamEnd(unlessSaid)
      .muxHTTP(() => shard, lib.http2Options)
      .to(shard.session(shard))
      .replaceMessageStart(start => (isOn(shard) ? begin(start) : undefined))
      .replaceMessageEnd(end => (isOn(shard) ? finish(end) : undefined))
      .replaceStreamEnd(end => (isOn(shard) && !isCut() ? end : undefined))
  );
}

/** Whether the call at hand has its place here: when a connection fails, Pipy may say so twice. */
function isOn(shard) {
  return $call.shard === shard;
}

/** The way of a call without a body, which is sent again when its connection fails through no fault of its own. */
var again = pipeline($ =>
  $.onEnd(() => {
    $call.isLeft = true;
  })
    .repeat(goesAgain)
    .to($ => $.pipe(() => enter($call)))
);

/** Whether a request has a body, which would be kept to be sent again, is known at its next event. */
var maybeAgain = pipeline($ => $.pipe(event => wayAfter(event)));

/** The answer to HEAD has no body, whatever its app says (RFC 9110, 9.3.2): a client may end its connection over one. */
var headOnly = pipeline($ => $.pipe(() => maybeAgain).replaceData(endAtBody));

/** Of an answer that was lost a body may come all the same. */
function endAtBody(data) {
  return data.size > 0 && $call.isBegun ? [new MessageEnd(), new StreamEnd()] : undefined;
}

/**
 * The way of a request of HTTP/1.1 that waits for a 100, which cannot come over HTTP/2 (Pipy takes it for the answer): it is
 * sent to go on at once, as a server may that reads the body whatever it answers (RFC 9110, 10.1.1).
 */
var goingOn = pipeline($ =>
  $.replaceMessageStart(start => [new MessageStart(goOn), new MessageEnd(), start])
    .demux()
    .to($ => $.pipe(event => (isGoOn(event) ? passing : wayOf($call))))
);
var goOn = { status: 100, protocol: 'HTTP/1.1', headers: {} };
var passing = pipeline($ => $.replaceStreamEnd(() => undefined));

function isGoOn(event) {
  return event instanceof MessageStart && event.head.status === 100;
}

function wayAfter(event) {
  if (event instanceof MessageStart) return undefined;
  if (event instanceof MessageEnd && !isCutShort($call, event)) return again;
  $call.isRepeatable = false;
  return enter($call);
}

/**
 * Takes a place on a connection that has one: Pipy does not count what the peer allows (RFC 9113, 5.1.2). No upstream is
 * asked for an interim answer: see `goingOn`. `session` is what makes connections. Pipy writes the pseudo
 * headers of HTTP/2 where they stand, so the host of HTTP/1 has to go before all others (RFC 9113, 8.3).
 */
export function call(client, upstream, session, head) {
  var waits = head.protocol && isGoingOn(client, head);
  delete head.headers.expect;
  if (head.protocol) noTunnel(client);
  if (head.protocol || !head.authority) head.authority = head.headers.host;
  keepTrailers(head.headers);
  $call = {
    upstream: upstream,
    session: session,
    shard: null,
    nth: 0,
    client: client,
    asked: head,
    isOfHTTP1: !!head.protocol,
    isSaid: false,
    isCancelled: false,
    isRepeatable: head.method === 'GET' || head.method === 'HEAD',
    ended: 0,
    isRepeated: false,
    isLeft: false,
    isBegun: false,
    isWhole: false,
    isOver: false,
    isCut: false,
    length: '',
    isFailing: false,
    isGRPC: false,
    trailers: null
  };
  if (head.protocol) client.calls = client.calls.filter(each => !each.isWhole).concat($call);
  return waits ? goingOn : wayOf($call);
}

function wayOf(call) {
  if (call.asked.method === 'HEAD') return headOnly;
  return call.isRepeatable ? maybeAgain : enter(call);
}

/** A 100 behind an answer that is yet to come would be taken for that; one of HTTP/1.0 knows none (RFC 9110, 10.1.1). */
function isGoingOn(client, head) {
  if (`${head.headers.expect}`.toLowerCase() !== '100-continue') return false;
  return !client.isOld && !isAwaited(client, null);
}

/** Of TE a request of HTTP/2 has nothing else (RFC 9113, 8.2.2), and Pipy ends the whole connection of one that does. */
function keepTrailers(headers) {
  if (headers.te === undefined) return;
  if (tokensOf(`${headers.te}`).includes('trailers')) headers.te = 'trailers';
  else delete headers.te;
}

/** Gives a call its place just when it goes there: one that waits might find the connection given up. */
function enter(call) {
  var { upstream, session } = call;
  var shard =
    upstream.shards.find(each => each.streams < lib.streamsMax && each.session === session) ||
    newShard(upstream, session);
  shard.streams++;
  shard.opened++;
  call.nth = shard.opened;
  call.shard = shard;
  call.isSaid = false;
  call.isOver = false;
  call.ended = 0;
  if (!call.isRepeatable) shard.unsaid.add(call.nth);
  return shard.way;
}

/** Connections of another session hang from roots that are trusted no more, or not yet. */
function newShard(upstream, session) {
  var shard = newPlace(upstream);
  shard.session = session;
  shard.ended = new Set();
  shard.unsaid = new Set();
  shard.way = callsOver(shard);
  upstream.shards.filter(each => each.session !== session).forEach(retire);
  upstream.shards = upstream.shards.concat(shard);
  return shard;
}

/**
 * A call that was given up leaves its connection to those that are on it; Pipy would end it as if all had been said. So does one
 * whose answer came before all of its request was written: Pipy keeps the rest, and the stream with it, until the connection ends.
 */
function leave(shard) {
  var call = $call;
  var isLeft = shard.unsaid.delete(call.nth);
  shard.streams--;
  shard.ended.delete(call.ended);
  if (call.isOfHTTP1 && call.isWhole && call.client.isLast) endAfterAnswer(call.client);
  if (!call.isOver || isLeft) shard.isDraining = true;
  if (shard.isDraining || (shard.streams === 0 && shard.upstream.shards.length > 1)) retire(shard);
}

/** For the end of a request: what was broken off is no whole one upstream either. */
function said(end) {
  var call = $call;
  if (call.isSaid) return undefined;
  call.isSaid = true;
  if (isCutShort(call, end)) return cutShort(call, end);
  if (call.isOfHTTP1) return end;
  var last = withoutLength(end);
  if (last.tail) endWithTrailers(call);
  return last;
}

/** Behind trailers Pipy ends their stream once more when its window grows. */
function endWithTrailers(call) {
  call.ended = streamOf(call.shard, call.nth);
  call.shard.ended.add(call.ended);
}

function unlessSaid(end) {
  var call = $call;
  if (call.isSaid) return end;
  call.isSaid = true;
  return [cutShort(call, end), end];
}

/** Over HTTP/2 a whole message ends with trailers that say how long it was (streams.js). */
function isCutShort(call, end) {
  if (call.isOfHTTP1) return false;
  var length = call.asked.headers['content-length'];
  var counted = lengthSaid(end);
  return counted === undefined || (length !== undefined && length !== counted);
}

function cutShort(call, end) {
  call.isCancelled = lengthSaid(end) === undefined;
  call.shard.cuts++;
  endWithTrailers(call);
  return new MessageEnd(breakOffTail);
}

function lengthSaid({ tail }) {
  return tail && tail.headers ? tail.headers['content-length'] : undefined;
}

/** The end as the peer sent it, but for Host, which Pipy would write as what no trailer is. Pipy keeps the event for a request that it may send again, so that one stays as it is. */
function withoutLength({ tail }) {
  if (Object.keys(tail.headers).length === 1) return new MessageEnd();
  var headers = { ...tail.headers };
  delete headers['content-length'];
  delete headers.host;
  if (Object.keys(headers).length === 0) return new MessageEnd();
  return new MessageEnd({ headers: headers });
}

/**
 * gRPC says how a call went in trailers, or in the first headers when there is no message. Pipy ends no stream with its
 * first headers, so there all that is said moves to trailers, where it means the same. A head that has a reason is Pipy's own, for
 * a connection that has failed; and of others Pipy writes heads that it cannot read.
 */
function begin(start) {
  var call = $call;
  var head = start.head;
  if (call.isWhole || call.isCancelled) return undefined;
  if (head.statusText) return lost(call);
  if (head.status < 200 || head.status > 599 || (call.isOfHTTP1 && !isWritable(head.headers || {}))) {
    call.isFailing = true;
    return fail(call);
  }
  call.isBegun = true;
  if (call.isOfHTTP1) forHTTP1(call, head);
  var headers = head.headers || {};
  delete headers.host;
  call.length = hasNoBody(call, head) ? '' : headers['content-length'] || '';
  call.isGRPC = isGRPC(`${headers['content-type']}`);
  if (head.status === 204 || head.status === 304) return withoutBody(call, start);
  var isEarly = headers['grpc-status'] !== undefined;
  if (isEarly && call.isGRPC && !call.isOfHTTP1) call.trailers = takeTrailers(headers);
  return start;
}

/** What has no body (RFC 9110, 6.4.1) is whole with its head. */
function withoutBody(call, start) {
  call.isWhole = true;
  return [start, new MessageEnd()];
}

/** gRPC-Web, which begins the same, has a framing of its own, and no trailers. */
function isGRPC(type) {
  return type.startsWith('application/grpc') && !type.startsWith('application/grpc-web');
}

/** Takes out of a head that has the status of a call of gRPC what is none of a head: all but the type. */
function takeTrailers(headers) {
  var trailers = { ...headers };
  delete trailers['content-type'];
  Object.keys(trailers).forEach(name => {
    delete headers[name];
  });
  return trailers;
}

/** The connection failed. A call of which nothing has come may be answered over another one (RFC 9110, 9.2.2). */
function lost(call) {
  withdraw(call.shard);
  if (call.isRepeatable && call.shard.isUsed) return tryAgain(call);
  call.isFailing = true;
  return fail(call);
}

/**
 * Nothing of this try is passed on; its end asks whether there is another one. That comes a turn later: Pipy goes through
 * the calls of a connection that fails, and one that left it meanwhile would end the process.
 */
function tryAgain(call) {
  call.isRepeated = true;
  return undefined;
}

function goesAgain() {
  var call = $call;
  if (!call.isRepeated) return false;
  call.shard = null;
  call.isRepeated = false;
  call.isRepeatable = false;
  return new Timeout(0).wait().then(() => !call.isLeft);
}

/** What an answer needs for a client of HTTP/1: a length only where it has one (lib.js). */
function forHTTP1(call, head) {
  if (head.status === 304 || call.asked.method === 'HEAD') lib.keepLength(call.asked, head);
}

/** Whether headers can stand in a head of HTTP/1, which names and values of HTTP/2 could end (RFC 9113, 8.2.1). */
function isWritable(headers) {
  return Object.keys(headers).every(name => {
    var text = `${name}${headers[name]}`;
    return name !== '' && !name.includes(':') && !name.includes(' ') && !text.includes('\r') && !text.includes('\n');
  });
}

/** What a call gets that was given no answer: all of one, so nothing more of it is passed on. */
function fail(call) {
  return failWith(call, failureOf(call.shard));
}

function failWith(call, told) {
  call.isWhole = true;
  log('warn', 'an upstream failed', { target: call.shard.upstream.target, ...told });
  return answer(told);
}

/** The end of what `begin` made of a failure comes this way too. */
function endOfFailure(call, end) {
  call.isFailing = false;
  return end;
}

function finish(end) {
  var call = $call;
  if (call.isFailing) return endOfFailure(call, end);
  if (call.isRepeated) return undefined;
  call.isOver = true;
  if (call.isWhole || call.isCancelled) return undefined;
  if (!call.isSaid && !call.isOfHTTP1) watchEnds(call.client);
  if (!call.isBegun) return isRefused(call) ? refused(call) : fail(call);
  call.isWhole = true;
  var length = lengthSaid(end);
  if (length === undefined || (call.length !== '' && call.length !== length)) return cut(call);
  var last = withoutLength(end);
  if (call.trailers === null) return last;
  return new MessageEnd({ headers: last.tail ? { ...call.trailers, ...last.tail.headers } : call.trailers });
}

/** Behind trailers Pipy ends the stream of a client that has not said all once more when a window grows, too. */
function watchEnds(client) {
  if (client.ended === null) client.ended = new Set();
}

/** The server has not looked at it (RFC 9113, 8.7), since it leaves (6.8) or is too busy. */
function isRefused({ shard, nth }) {
  var stream = streamOf(shard, nth);
  return shard.reader.refused.delete(stream) || stream > shard.last;
}

/** So it may be sent again, by us or by its client. */
function refused(call) {
  if (call.isRepeatable) return tryAgain(call);
  var told = refusalOf(call.shard.upstream);
  if (call.isOfHTTP1) return failWith(call, told);
  call.client.cuts++;
  failWith(call, told);
  return [new MessageStart(giveBackHead), new MessageEnd(giveBackTail)];
}

/** A call of gRPC says it in a status (code 14, UNAVAILABLE), any other one ends in a way that is no end. */
function cut(call) {
  log('warn', 'a call was broken off', { target: call.shard.upstream.target, reason: 'upstream-closed' });
  if (call.isGRPC && !call.isOfHTTP1)
    return new MessageEnd({ headers: { 'grpc-status': '14', 'grpc-message': unavailable } });
  call.isCut = true;
  if (call.isOfHTTP1) return breakOff(call.client);
  call.client.cuts++;
  return new MessageEnd(breakOffTail);
}

/** Behind an answer over HTTP/1 that was cut, an end would make it whole. */
function isCut() {
  return $call.isCut && $call.isOfHTTP1;
}

var unavailable = 'the upstream broke the call off';
