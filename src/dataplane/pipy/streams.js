/**
 * What a peer sends over HTTP/2, before Pipy reads it. Pipy holds the length of a message against that of the newest head of
 * its connection, takes what was broken off for whole, forgets calls whose frames it finds wrong, and reads the next client's
 * connection on from a frame that was left half said. So here every stream ends with trailers that name its bytes
 * (`lengthOf`): what ends otherwise was broken off; of an answer that Pipy would forget it gets a reset; and it gets whole
 * frames only, each piece of a body as one.
 */
import {
  bytesOf,
  continuation,
  dataFrame,
  endOfHeaders,
  endOfStream,
  frameHeadSize,
  goAway,
  hasPriority,
  headers,
  isPadded,
  misplacedFrame,
  missizedFrame,
  payloadMax,
  priority,
  promise,
  protocolError,
  pushFrame,
  pushResets,
  refusedStream,
  resetFrame,
  resetOf,
  settings,
  sizeAt,
  streamAt,
  windowUpdate
} from './frames.js';
import { putBack } from './framing.js';
import { kindOf, lengthOf } from './hpack.js';
import { windowMax } from './lib.js';

/** Streams of one connection whose answers may be under way, and bytes that may come for those that were refused here. */
var streamsMax = 1024;
var droppedMax = 65535;

/** The most that a window can grow by which began as it does (RFC 9113, 6.5.2 and 6.9.1). */
var growthMax = 2147418112;

/** Of settings the one that says how much may come on a stream. */
var initialWindow = 4;

/** The most streams that a peer can speak of: the first of two GOAWAY frames, which says that there will be one. */
var everyStream = 2147483647;

/**
 * How far a connection is read.
 *
 * - `isOfAnswers`: the peer is a server
 * - `leavingAt`: the last stream that a server answers which has just said that it leaves (RFC 9113, 6.8), else -1; Pipy, which
 *   would end every call then, is not told
 * - `head`, `fields`, `flags`, `size`, `stream`: of the frame at hand, the first as it came and as numbers
 * - `left`: bytes of a body's frame that are to come, `isDropped`: and go nowhere; `partial`: bytes of another frame
 * - `received`: stream → bytes of its body so far, from its head to its end; -1 for an answer that was refused
 * - `empty`: streams whose answers have no body; `refused`: those that the server has not looked at
 * - `ending`: the stream that ends with the frame at hand; `block`: whose header block goes on, which may be dropped;
 *   `beginning`: of such a block, when it is short, and whether its stream ends with it (`isBlockLast`)
 * - `dropped`: bytes of answers that were refused
 * - `cancelled`: for all settings that the peer has not acknowledged the stream that we had reset before, of which Pipy is told
 *   then; 0 for those of the preface
 * - `isUnreadable`: a server has broken the protocol; `isOver`: a client has, and is being told
 */
export function newReader(isOfAnswers) {
  return {
    isOfAnswers: isOfAnswers,
    leavingAt: -1,
    head: null,
    fields: null,
    flags: 0,
    size: 0,
    stream: 0,
    left: 0,
    isDropped: false,
    partial: null,
    received: new Map(),
    empty: new Set(),
    refused: new Set(),
    ending: 0,
    block: 0,
    isBlockDropped: false,
    beginning: null,
    isBlockLast: false,
    dropped: 0,
    cancelled: [0],
    isUnreadable: false,
    isOver: false
  };
}

/** For `replaceData` of what a peer sends: what Pipy may read, and the end of it once it cannot be read. */
export function readFrames(reader, data) {
  if (reader.isOver) return undefined;
  var bytes = reader.partial === null ? data : reader.partial.push(data);
  var out = new Data();
  reader.partial = null;
  passBody(reader, bytes, out);
  for (var goesOn = bytes.size > 0; goesOn; goesOn = goesOn && bytes.size > 0) goesOn = step(reader, bytes, out);
  // It would keep what it came with.
  reader.head = null;
  if (reader.isUnreadable) return [out, new StreamEnd('ReadError')];
  if (bytes.size > 0) reader.partial = bytes;
  return out.size > 0 ? out : undefined;
}

/** Takes a frame; false when it has not all come, or cannot be read. */
function step(reader, bytes, out) {
  var head = bytes.shift(frameHeadSize);
  if (head.size < frameHeadSize) return wait(bytes, head);
  var fields = head.toArray();
  reader.head = head;
  reader.fields = fields;
  reader.flags = fields[4];
  reader.size = sizeAt(fields, 0);
  reader.stream = streamAt(fields, 5);
  if (isMissized(reader) || isMisplaced(reader)) return fail(reader, bytes, out);
  if (fields[3] === dataFrame && (fields[4] & isPadded) === 0) return passData(reader, bytes, out);
  if (bytes.size < reader.size) return wait(bytes, head);
  return passWhole(reader, fields[3], bytes.shift(reader.size), bytes, out);
}

function wait(bytes, head) {
  putBack(bytes, head);
  return false;
}

/** What is in one piece: everything but bodies. */
function passWhole(reader, type, payload, bytes, out) {
  switch (type) {
    case headers:
      return passHead(reader, payload, bytes, out);
    case continuation:
      return passMore(reader, payload, bytes, out);
    case dataFrame:
      return passPadded(reader, payload, bytes, out);
    case goAway:
      reader.leavingAt = lastOf(payload.toArray());
      return true;
    case promise:
      return reader.isOfAnswers ? fail(reader, bytes, out) : pass(reader, payload, out);
    case resetFrame:
      return passReset(reader, payload, out);
    case windowUpdate:
      return passWindow(reader, payload, out);
    case settings:
      pass(reader, withinWindow(payload), out);
      if ((reader.flags & 1) === 1) tellCancelled(reader, out);
      return true;
    default:
      return pass(reader, payload, out);
  }
}

function passReset(reader, payload, out) {
  var { stream, refused } = reader;
  var isRefused =
    reader.isOfAnswers && !reader.received.has(stream) && streamAt(payload.toArray(), 0) === refusedStream;
  if (isRefused && refused.size < streamsMax) refused.add(stream);
  forget(reader, stream);
  return pass(reader, payload, out);
}

function pass(reader, payload, out) {
  out.push(reader.head).push(payload);
  return true;
}

/** Pipy would read no frame of any client any more behind one that is too long, or has the wrong length (RFC 9113, 6.3, 6.4). */
function isMissized({ size, fields }) {
  var type = fields[3];
  return size > payloadMax || (type === resetFrame && size !== 4) || (type === priority && size !== 5);
}

/** A header block is one piece, and belongs to a stream; so do bodies (RFC 9113, 6.1, 6.2 and 6.10). */
function isMisplaced({ block, stream, fields }) {
  var type = fields[3];
  if (block > 0) return type !== continuation || stream !== block;
  return type === continuation || (stream === 0 && (type === dataFrame || type === headers || type === resetFrame));
}

/** A server's connection ends, and with it its answers. A client is told by Pipy, for a frame that does the same wrong. */
function fail(reader, bytes, out) {
  reader.isUnreadable = reader.isOfAnswers;
  reader.isOver = !reader.isOfAnswers;
  if (reader.isOver) out.push(new Data(isMissized(reader) ? missizedFrame : misplacedFrame));
  bytes.shift(bytes.size);
  return false;
}

/** Whether the stream ends with the frame at hand. */
function isLast({ flags }) {
  return (flags & endOfStream) !== 0;
}

/** The frame at hand is written anew, with these flags. */
function rewrite({ fields }, type, flags, payload, out) {
  pushFrame(out, type, flags, fields.slice(5), payload);
}

function passData(reader, bytes, out) {
  var { stream, size } = reader;
  var count = reader.received.get(stream);
  reader.left = size;
  if (count === undefined || count < 0 || (size > 0 && reader.empty.has(stream))) return passStray(reader, bytes, out);
  reader.isDropped = false;
  reader.received.set(stream, count + size);
  if (isLast(reader)) reader.ending = stream;
  passBody(reader, bytes, out);
  return true;
}

/** The body of no message, of one that was refused here, or of one that has none. */
function passStray(reader, bytes, out) {
  reader.isDropped = reader.isOfAnswers;
  if (!reader.isOfAnswers) return fail(reader, bytes, out);
  refuse(reader, out);
  reader.dropped += reader.size;
  if (reader.dropped > droppedMax) return fail(reader, bytes, out);
  passBody(reader, bytes, out);
  return true;
}

/** What has come of a body's frame, and the end of its stream behind it. */
function passBody(reader, bytes, out) {
  if (reader.left > 0) {
    var piece = bytes.shift(reader.left);
    reader.left -= piece.size;
    if (!reader.isDropped && piece.size > 0) rewrite(reader, dataFrame, 0, piece, out);
  }
  if (reader.left === 0 && reader.block === 0 && reader.ending > 0) endStream(reader, out);
}

/** Pipy takes no frame that is padded to its end. */
function passPadded(reader, payload, bytes, out) {
  if (!unpad(isPadded, payload)) return fail(reader, bytes, out);
  var plain = new Data();
  rewrite(reader, dataFrame, reader.flags & endOfStream, payload, plain);
  putBack(bytes, plain);
  return true;
}

/** Takes padding and priority away (RFC 9113, 6.1 and 6.2); false when there are none where they should be. */
function unpad(flags, payload) {
  if ((flags & isPadded) !== 0) {
    var length = payload.shift(1).toArray()[0];
    if (length === undefined || length > payload.size) return false;
    payload.pop(length);
  }
  return (flags & hasPriority) === 0 || payload.shift(5).size === 5;
}

/** Bytes of a header block that tell what kind of answer begins. */
var toldBy = 16;

function passHead(reader, payload, bytes, out) {
  var { flags, stream } = reader;
  var count = reader.received.get(stream);
  if ((flags & (isPadded | hasPriority)) !== 0 && !unpad(flags, payload)) return fail(reader, bytes, out);
  if ((flags & endOfHeaders) === 0 && payload.size < toldBy) return keepBeginning(reader, payload);
  reader.block = (flags & endOfHeaders) === 0 ? stream : 0;
  reader.isBlockDropped = false;
  if (count === undefined) beginStream(reader, payload, out);
  else if (count < 0) reader.isBlockDropped = true;
  else if (isLast(reader)) passTrailers(reader, count, payload, out);
  else if (reader.isOfAnswers) refuseBlock(reader, out);
  else rewrite(reader, headers, flags & endOfHeaders, payload, out);
  return reader.received.size > streamsMax && reader.isOfAnswers ? fail(reader, bytes, out) : true;
}

/** A message's head does not end its stream: its length may be that of a body that it does not have. */
function beginStream(reader, payload, out) {
  var { flags, stream } = reader;
  var kind = reader.isOfAnswers ? kindOf(payload) : 'final';
  var ends = isLast(reader);
  if (kind === 'none' || (kind === 'interim' && ends)) return refuseBlock(reader, out);
  if (kind === 'interim') {
    reader.isBlockDropped = true;
    return;
  }
  rewrite(reader, headers, flags & endOfHeaders, payload, out);
  reader.received.set(stream, 0);
  if (kind === 'empty') reader.empty.add(stream);
  if (ends) reader.ending = stream;
  if (ends && reader.block === 0) endStream(reader, out);
}

function refuseBlock(reader, out) {
  reader.isBlockDropped = true;
  refuse(reader, out);
}

/** Lets Pipy end the call of the stream at hand, whose answer it would misread or forget. */
function refuse(reader, out) {
  var { stream, fields } = reader;
  if (reader.received.get(stream) !== -1) out.push(resetOf(fields.slice(5), protocolError));
  reader.received.set(stream, -1);
  if (isLast(reader)) forget(reader, stream);
}

function passTrailers(reader, count, payload, out) {
  rewrite(reader, headers, endOfStream, lengthOf(count), out);
  rewrite(reader, continuation, reader.flags & endOfHeaders, payload, out);
  forget(reader, reader.stream);
}

/** What is too short to be told from waits for the rest, as the beginning of one frame. */
function keepBeginning(reader, payload) {
  reader.block = reader.stream;
  reader.beginning = payload;
  reader.isBlockLast = isLast(reader);
  return true;
}

function passMore(reader, payload, bytes, out) {
  if (reader.beginning !== null) return passJoined(reader, payload, bytes, out);
  if (!reader.isBlockDropped) pass(reader, payload, out);
  if ((reader.flags & endOfHeaders) === 0) return true;
  reader.block = 0;
  if (reader.ending > 0) endStream(reader, out);
  return true;
}

function passJoined(reader, payload, bytes, out) {
  var whole = reader.beginning.push(payload);
  reader.beginning = null;
  reader.flags = (reader.flags & endOfHeaders) | (reader.isBlockLast ? endOfStream : 0);
  return passHead(reader, whole, bytes, out);
}

function endStream(reader, out) {
  var stream = reader.ending;
  pushFrame(out, headers, endOfStream | endOfHeaders, bytesOf(stream), lengthOf(reader.received.get(stream)));
  forget(reader, stream);
  reader.ending = 0;
}

/** Pipy forgets a call whose window grows by nothing, or by more than a window can have (RFC 9113, 6.9). */
function passWindow(reader, payload, out) {
  var by = reader.size === 4 ? streamAt(payload.toArray(), 0) : 1;
  if (reader.isOfAnswers && reader.stream > 0 && (by === 0 || by > growthMax)) refuse(reader, out);
  else pass(reader, payload, out);
  return true;
}

/** The peer has heard of our reset: now Pipy may forget the stream, of which nothing more should come. */
function tellCancelled(reader, out) {
  var [stream] = reader.cancelled;
  reader.cancelled = reader.cancelled.slice(1);
  if (stream === 0 || stream === undefined) return;
  reader.received.set(stream, -1);
  pushResets(out, [stream], refusedStream);
}

function forget(reader, stream) {
  reader.received.delete(stream);
  reader.empty.delete(stream);
}

/** Settings (RFC 9113, 6.5.1) without a window that Pipy could not bear: see `windowMax`. */
function withinWindow(payload) {
  var bytes = payload.toArray();
  for (var at = 0; at + 5 < bytes.length; at = at + 6) {
    var isWindow = bytes[at] === 0 && bytes[at + 1] === initialWindow;
    if (isWindow && streamAt(bytes, at + 2) > windowMax)
      bytes = bytes.slice(0, at + 2).concat(bytesOf(windowMax), bytes.slice(at + 6));
  }
  return new Data(bytes);
}

function lastOf(payload) {
  var last = streamAt(payload, 0);
  return last < everyStream ? last : Number.MAX_SAFE_INTEGER;
}
