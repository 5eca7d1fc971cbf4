/** HTTP/2 upstream: calls that share connections, a hundred on each, and the status of those of gRPC. */
import * as lib from './lib.js';
import { log } from './log.js';
import { newPlace, usePlace } from './upstream.js';

/** The call at hand: `{ shard, isWhole, isGRPC, trailers }`. A shard is a place that calls share, with their number. */
var $call = null;

/** The way of calls over sessions of an upstream. */
export function callsOver(session) {
  return pipeline($ =>
    $.onEnd(leave)
      .muxHTTP(() => $call.shard, lib.http2Options)
      .to(session)
      .handleMessageStart(begin)
      .replaceMessageEnd(finish)
  );
}

/** Takes a place on a connection that has one: Pipy does not count what the peer allows (RFC 9113, 5.1.2). */
export function call(upstream, way) {
  var shard = upstream.shards.find(each => each.streams < lib.streamsMax);
  if (shard === undefined) {
    shard = newPlace(upstream);
    shard.streams = 0;
    upstream.shards.push(shard);
  }
  shard.streams++;
  $call = { shard: shard, isWhole: false, isGRPC: false, trailers: null };
  usePlace(shard);
  return way;
}

/** Pipy ends a call that was given up as if all had been said; alone on its connection it is broken off with that. */
function leave() {
  var shard = $call.shard;
  var upstream = shard.upstream;
  shard.streams--;
  if (shard.streams > 0) return;
  if (!$call.isWhole) lib.hangUp(shard);
  if (!$call.isWhole || upstream.shards.length > 1) upstream.shards = upstream.shards.filter(each => each !== shard);
}

/**
 * gRPC says how a call went in trailers, or in the first headers when there is no message. Pipy ends no stream with its
 * first headers, so there the status moves to trailers, where it means the same.
 */
function begin(start) {
  var headers = start.head.headers;
  $call.isGRPC = `${headers['content-type']}`.startsWith('application/grpc');
  if (headers['grpc-status'] === undefined) return;
  $call.trailers = { 'grpc-status': headers['grpc-status'], 'grpc-message': headers['grpc-message'] || '' };
  delete headers['grpc-status'];
  delete headers['grpc-message'];
}

/** A gRPC call that ends without a status was broken off (code 14, UNAVAILABLE), which Pipy would not let anybody see. */
function finish(end) {
  var call = $call;
  call.isWhole = true;
  if (call.trailers !== null) return new MessageEnd({ headers: call.trailers });
  if (!call.isGRPC || (end.tail && end.tail.headers && end.tail.headers['grpc-status'] !== undefined)) return end;
  log('warn', 'a call was broken off', { target: call.shard.upstream.target, reason: 'upstream-closed' });
  return new MessageEnd({ headers: { 'grpc-status': '14', 'grpc-message': 'the upstream broke the call off' } });
}
