/** HTTP/2 upstream: calls that share connections, a hundred on each, and the status of those of gRPC. */
import { ended, sayFarewell } from './connection.js';
import * as lib from './lib.js';
import { log } from './log.js';
import { failureOf, newPlace } from './places.js';
import { answer } from './refuse.js';
import { usePlace } from './upstream.js';

/**
 * The call at hand: `{ shard, asked, expects, isOfHTTP1, isBegun, isWhole, isOver, isFailing, isGRPC, trailers }`. A shard is a place that calls share, with their number
 * (`streams`) and how many its connection has had (`opened`).
 */
var $call = null;

/**
 * The way of calls on one connection. Each has one of its own: where a call was given up before its answer came, Pipy tells
 * its place in the layout's pool of that answer, whoever has the place by then (a `MuxSource` that `on_close` of an HTTP/2
 * stream outlives: crashes, and answers that go to others). So after that no call comes to the layout any more.
 */
function callsOver(session) {
  return pipeline($ =>
    $.onEnd(leave)
      .muxHTTP(() => $call.shard, lib.http2Options)
      .to(session)
      .replaceMessageStart(begin)
      .replaceMessageEnd(finish)
  );
}

/**
 * Takes a place on a connection that has one: Pipy does not count what the peer allows (RFC 9113, 5.1.2). An interim answer
 * would end the call, so none is asked for: see `refuseExpectation`, too. `session` is what makes connections. Pipy writes the pseudo headers of HTTP/2 where
 * they stand, so the host of HTTP/1 has to go before all others (RFC 9113, 8.3).
 */
export function call(client, upstream, session, head) {
  var expects = head.headers.expect !== undefined;
  if (expects && head.protocol) return refuseExpectation(client, upstream);
  var shard = upstream.shards.find(each => each.streams < lib.streamsMax && each.session === session);
  if (shard === undefined) shard = newShard(upstream, session);
  shard.streams++;
  shard.opened++;
  if (expects) delete head.headers.expect;
  if (head.protocol) head.authority = head.headers.host;
  $call = {
    shard: shard,
    asked: head,
    expects: expects,
    isOfHTTP1: !!head.protocol,
    isBegun: false,
    isWhole: false,
    isOver: false,
    isFailing: false,
    isGRPC: false,
    trailers: null
  };
  usePlace(shard);
  return shard.way;
}

/** A client of HTTP/1 may wait for a 100 that cannot come this way; it goes on when it hears that (RFC 9110, 15.5.18). */
function refuseExpectation(client, upstream) {
  log('warn', 'a request was refused', { target: upstream.target, status: 417, reason: 'expectation' });
  sayFarewell(
    client,
    '417 Expectation Failed',
    'expectation: An app of HTTP/2 is sent no Expect; send the body at once.\n'
  );
  return ended;
}

/** Connections of another session hang from roots that are trusted no more, or not yet. */
function newShard(upstream, session) {
  var shard = newPlace(upstream);
  shard.session = session;
  shard.way = callsOver(session);
  upstream.shards = upstream.shards.filter(each => each.session === session).concat(shard);
  return shard;
}

/** A call that was given up leaves its connection to those that are on it; Pipy would end it as if all had been said. */
function leave() {
  var { shard, isOver, expects } = $call;
  var upstream = shard.upstream;
  shard.streams--;
  if (!isOver || expects) shard.isDraining = true;
  if (shard.isDraining || (shard.streams === 0 && upstream.shards.length > 1))
    upstream.shards = upstream.shards.filter(each => each !== shard);
  if (shard.streams === 0 && shard.isDraining) lib.hangUp(shard);
}

/**
 * gRPC says how a call went in trailers, or in the first headers when there is no message. Pipy ends no stream with its
 * first headers, so there the status moves to trailers, where it means the same. A head that has a reason is Pipy's own, for
 * a connection that has failed; after an interim one Pipy would take the final one for an error;
 * and of others Pipy writes heads that it cannot read.
 */
function begin(start) {
  var call = $call;
  var head = start.head;
  if (call.isWhole) return undefined;
  if (
    head.statusText ||
    head.status < 200 ||
    head.status > 599 ||
    (call.isOfHTTP1 && !isWritable(head.headers || {}))
  ) {
    call.isFailing = true;
    return fail(call);
  }
  call.isBegun = true;
  if (call.isOfHTTP1) forHTTP1(call, head);
  var headers = head.headers || {};
  call.isGRPC = `${headers['content-type']}`.startsWith('application/grpc');
  if (headers['grpc-status'] === undefined) return start;
  call.trailers = { 'grpc-status': headers['grpc-status'], 'grpc-message': headers['grpc-message'] || '' };
  delete headers['grpc-status'];
  delete headers['grpc-message'];
  return start;
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
  var told = failureOf(call.shard);
  call.isWhole = true;
  log('warn', 'an upstream failed', { target: call.shard.upstream.target, ...told });
  return answer(told);
}

/** The end of what `begin` made of a failure comes this way too. */
function endOfFailure(call, end) {
  call.isFailing = false;
  return end;
}

/** A gRPC call that ends without a status was broken off (code 14, UNAVAILABLE), which Pipy would not let anybody see. */
function finish(end) {
  var call = $call;
  if (call.isFailing) return endOfFailure(call, end);
  call.isOver = true;
  if (call.isWhole) return undefined;
  if (!call.isBegun) return fail(call);
  call.isWhole = true;
  if (call.trailers !== null) return new MessageEnd({ headers: call.trailers });
  if (!call.isGRPC || (end.tail && end.tail.headers && end.tail.headers['grpc-status'] !== undefined)) return end;
  log('warn', 'a call was broken off', { target: call.shard.upstream.target, reason: 'upstream-closed' });
  return new MessageEnd({ headers: { 'grpc-status': '14', 'grpc-message': 'the upstream broke the call off' } });
}
