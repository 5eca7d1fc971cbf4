/** HTTP/2 as bytes (RFC 9113, 4.1): what Pipy writes and reads otherwise than its peers do. */
import { putBack } from './framing.js';

/** Types of frames and flags. */
var [headers, promise, goAway, continuation] = [1, 5, 7, 9];
var endOfHeaders = 4;

/** Bytes of a frame's own head, and of the payload that every peer takes (RFC 9113, 4.2). */
var frameHeadSize = 9;
var payloadMax = 16384;

/**
 * Joins the parts of header blocks: Pipy cuts them into frames of 1 KB, and peers take eight of these at most (nghttp2, and
 * with it curl and Node, against floods of CONTINUATION). `data` begins and ends with whole frames.
 */
export function joinHeaders(data) {
  var out = new Data();
  var block = null;
  if (isPreface(data)) out.push(data.shift(24));
  for (var frame = takeFrame(data); frame !== null; frame = takeFrame(data)) {
    if (block !== null) block.payload.push(frame.payload);
    else if (frame.type === headers && !hasEnded(frame)) block = frame;
    else pushFrame(out, frame.type, frame.flags, frame.stream, frame.payload);
    if (block !== null && hasEnded(frame)) {
      pushBlock(out, block);
      block = null;
    }
  }
  return out;
}

/** Reads up to this size, in bytes, are looked through at once; longer ones have few frames. */
var scannedMax = 512;

/** The most streams that a peer can speak of: the first of two GOAWAY frames, which says that there will be one. */
var everyStream = 2147483647;

/**
 * For what a server sends over HTTP/2: everything but GOAWAY (RFC 9113, 6.8), with which Pipy would break off the calls that
 * the server still answers. `onGoAway(last)` is told the last stream that it does, and gives the streams above it, which are
 * reset instead. A promise, which nobody allowed, ends the connection (RFC 9113, 8.4); Pipy would ignore it, and lose the
 * table of headers. `place.left` counts what is to come of the frame at hand.
 */
export function withoutGoAway(place, data, onGoAway) {
  if (place.partial === null) {
    if (data.size <= place.left) {
      place.left -= data.size;
      return data;
    }
    if (data.size <= scannedMax && isScanned(place, data.toArray(), data.size)) return data;
  }
  return filtered(place, place.partial === null ? data : place.partial.push(data), onGoAway);
}

/** Moves `place.left` on when there are whole heads of frames only, none of GOAWAY or a promise. */
function isScanned(place, bytes, size) {
  var at = place.left;
  var isPlain = true;
  for (
    at = place.left;
    isPlain && at + frameHeadSize <= size;
    at = isPlain ? at + frameHeadSize + sizeAt(bytes, at) : at
  )
    isPlain = bytes[at + 3] !== goAway && bytes[at + 3] !== promise;
  if (!isPlain || at < size) return false;
  place.left = at - size;
  return true;
}

function sizeAt(bytes, at) {
  return bytes[at] * 65536 + bytes[at + 1] * 256 + bytes[at + 2];
}

function filtered(place, bytes, onGoAway) {
  var out = bytes.shift(place.left);
  var goesOn = true;
  place.left -= out.size;
  place.partial = null;
  for (goesOn = bytes.size > 0; goesOn; goesOn = goesOn && bytes.size > 0)
    goesOn = passFrame(place, bytes, out, onGoAway);
  if (place.unreadable) return [out, new StreamEnd('ReadError')];
  if (bytes.size > 0) place.partial = bytes;
  return out.size > 0 ? out : undefined;
}

/** False when a head of a frame, or a GOAWAY, has not all come. */
function passFrame(place, bytes, out, onGoAway) {
  var head = bytes.shift(frameHeadSize);
  var fields = head.toArray();
  var size = head.size < frameHeadSize ? 0 : sizeAt(fields, 0);
  if (head.size < frameHeadSize || (fields[3] === goAway && bytes.size < size)) {
    putBack(bytes, head);
    return false;
  }
  if (fields[3] === promise) {
    place.unreadable = true;
    return false;
  }
  var payload = bytes.shift(size);
  if (fields[3] === goAway) pushResets(out, onGoAway(lastOf(payload.toArray())));
  else {
    place.left = size - payload.size;
    out.push(head).push(payload);
  }
  return true;
}

/** RST_STREAM with REFUSED_STREAM (RFC 9113, 6.4 and 8.7). */
function pushResets(out, streams) {
  streams.forEach(stream => {
    var id = [(stream >> 24) & 127, (stream >> 16) & 255, (stream >> 8) & 255, stream & 255];
    out.push(new Data([0, 0, 4, 3, 0].concat(id, [0, 0, 0, 7])));
  });
}

function lastOf(payload) {
  var last = (payload[0] & 127) * 16777216 + payload[1] * 65536 + payload[2] * 256 + payload[3];
  return last < everyStream ? last : Number.MAX_SAFE_INTEGER;
}

function isPreface(data) {
  var first = data.shift(3);
  var isOne = first.toString() === 'PRI';
  putBack(data, first);
  return isOne;
}

function takeFrame(data) {
  if (data.size < frameHeadSize) return null;
  var bytes = data.shift(frameHeadSize).toArray();
  var size = bytes[0] * 65536 + bytes[1] * 256 + bytes[2];
  return { type: bytes[3], flags: bytes[4], stream: bytes.slice(5), payload: data.shift(size) };
}

function hasEnded(frame) {
  return (frame.flags & endOfHeaders) !== 0;
}

function pushBlock(out, { flags, stream, payload }) {
  var type = headers;
  for (var part = payload.shift(payloadMax); part.size > 0; part = payload.shift(payloadMax)) {
    pushFrame(out, type, (type === headers ? flags : 0) | (payload.size === 0 ? endOfHeaders : 0), stream, part);
    type = continuation;
  }
}

function pushFrame(out, type, flags, stream, payload) {
  var size = payload.size;
  out.push(new Data([(size >> 16) & 255, (size >> 8) & 255, size & 255, type, flags].concat(stream))).push(payload);
}
