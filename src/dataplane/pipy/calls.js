/** HTTP/2 upstream: calls that share connections, a hundred on each, and the status of those of gRPC. */
import * as lib from './lib.js';
import { log } from './log.js';
import { answer } from './refuse.js';
import { failureOf, newPlace, usePlace } from './upstream.js';

/**
 * The call at hand: `{ shard, isBegun, isWhole, isFailing, isGRPC, trailers }`. A shard is a place that calls share, with their number
 * (`streams`) and how many its connection has had (`opened`).
 */
var $call = null;

/** The way of calls over sessions of an upstream. */
export function callsOver(session) {
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
 * would end the call, so none is asked for.
 */
export function call(upstream, way, head) {
  var shard = upstream.shards.find(each => each.streams < lib.streamsMax);
  if (shard === undefined) {
    shard = newPlace(upstream);
    upstream.shards.push(shard);
  }
  shard.streams++;
  shard.opened++;
  if (head.headers.expect !== undefined) delete head.headers.expect;
  $call = { shard: shard, isBegun: false, isWhole: false, isFailing: false, isGRPC: false, trailers: null };
  usePlace(shard);
  return way;
}

/**
 * For a connection whose server answers no stream after `last`, and ends it after those before: new calls take another one.
 * Gives the streams that get no answer. A client's streams are odd and count up.
 */
export function drain(shard, last) {
  shard.upstream.shards = shard.upstream.shards.filter(each => each !== shard);
  shard.isDraining = true;
  if (shard.streams === 0) lib.hangUp(shard);
  var refused = [];
  for (var stream = 2 * shard.opened - 1; stream > last; stream = stream - 2) refused.push(stream);
  return refused;
}

/** Pipy ends a call that was given up as if all had been said; alone on its connection it is broken off with that. */
function leave() {
  var shard = $call.shard;
  var upstream = shard.upstream;
  shard.streams--;
  if (shard.streams > 0) return;
  if (!$call.isWhole || shard.isDraining) lib.hangUp(shard);
  if (!$call.isWhole || upstream.shards.length > 1) upstream.shards = upstream.shards.filter(each => each !== shard);
}

/**
 * gRPC says how a call went in trailers, or in the first headers when there is no message. Pipy ends no stream with its
 * first headers, so there the status moves to trailers, where it means the same. A head that has a reason is Pipy's own, for
 * a connection that has failed; after an interim one Pipy would take the final one for an error.
 */
function begin(start) {
  var call = $call;
  var head = start.head;
  if (call.isWhole) return undefined;
  if (head.statusText || head.status < 200) {
    call.isFailing = true;
    return fail(call);
  }
  call.isBegun = true;
  var headers = head.headers || {};
  call.isGRPC = `${headers['content-type']}`.startsWith('application/grpc');
  if (headers['grpc-status'] === undefined) return start;
  call.trailers = { 'grpc-status': headers['grpc-status'], 'grpc-message': headers['grpc-message'] || '' };
  delete headers['grpc-status'];
  delete headers['grpc-message'];
  return start;
}

/** What a call gets that was given no answer: all of one, so nothing more of it is passed on. */
function fail(call) {
  var told = failureOf(call.shard);
  call.isWhole = true;
  log('warn', 'an upstream failed', { target: call.shard.upstream.target, ...told });
  return answer(told);
}

/** The end of what `begin` made of a failure comes this way too; what Pipy makes of it afterwards is nothing. */
function endOfFailure(call, end) {
  if (!call.isFailing) return undefined;
  call.isFailing = false;
  return end;
}

/** A gRPC call that ends without a status was broken off (code 14, UNAVAILABLE), which Pipy would not let anybody see. */
function finish(end) {
  var call = $call;
  if (call.isWhole) return endOfFailure(call, end);
  if (!call.isBegun) return fail(call);
  call.isWhole = true;
  if (call.trailers !== null) return new MessageEnd({ headers: call.trailers });
  if (!call.isGRPC || (end.tail && end.tail.headers && end.tail.headers['grpc-status'] !== undefined)) return end;
  log('warn', 'a call was broken off', { target: call.shard.upstream.target, reason: 'upstream-closed' });
  return new MessageEnd({ headers: { 'grpc-status': '14', 'grpc-message': 'the upstream broke the call off' } });
}
