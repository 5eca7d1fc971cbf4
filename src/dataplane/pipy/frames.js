/** HTTP/2 as bytes (RFC 9113, 4.1): frames, and what Pipy writes otherwise than its peers read it. */
import { putBack } from './framing.js';

/** Types of frames (RFC 9113, 6): bodies, */
export var dataFrame = 0;
/** heads and trailers, the rest of which may follow in more frames, */
export var headers = 1;
/** that rest, */
export var continuation = 9;
/** what nobody heeds any more, */
export var priority = 2;
/** the end of a stream that is none, */
export var resetFrame = 3;
/** what a peer may do, */
export var settings = 4;
/** what a server would send unasked, */
export var promise = 5;
/** the end of a connection, said beforehand, */
export var goAway = 7;
/** and how much of bodies the other may send. */
export var windowUpdate = 8;

/** Flags: the stream ends (the same bit acknowledges settings and pings), */
export var endOfStream = 1;
/** the header block ends, */
export var endOfHeaders = 4;
/** the payload begins with the length of what it ends with, */
export var isPadded = 8;
/** and, in a head, with what nobody heeds any more. */
export var hasPriority = 32;

/** Bytes of a frame's own head, */
export var frameHeadSize = 9;
/** and of the payload that every peer takes (RFC 9113, 4.2). */
export var payloadMax = 16384;

/** Codes of a reset (RFC 9113, 7): the peer has broken the protocol, */
export var protocolError = 1;
/** we could not go on, */
var internalError = 2;
/** nobody has looked at the request, */
export var refusedStream = 7;
/** nobody wants the answer. */
var cancelled = 8;

/**
 * Trailers that stand for a reset, since Pipy ends every stream in good order, and how it writes them, in hexadecimal (RFC 7541, 6.2.2). No
 * peer can send them: a name with a colon is none of a trailer, and Pipy holds that.
 */
export var breakOffTail = { headers: { ':reset': '1' } };
var breakOffBlock = '00063a72657365740131';

/**
 * In the same way a whole answer stands for a reset that says that nobody has looked at the request: a head, which is left
 * out, and trailers.
 */
export var giveBackHead = { status: 500, headers: { ':reset': '7' } };
export var giveBackTail = { headers: { ':reset': '7' } };
var giveBackBlock = '00063a72657365740137';
var giveBackHeadBlock = `8e${giveBackBlock}`;

/**
 * Joins the parts of header blocks: Pipy cuts them into frames of 1 KB, and peers take eight of these at most (nghttp2, and
 * with it curl and Node, against floods of CONTINUATION). `data` begins and ends with whole frames.
 */
export function joinHeaders(data) {
  var out = new Data();
  var block = null;
  if (isPreface(data)) out.push(data.shift(prefaceSize));
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

/**
 * Makes a reset of each end that stands for one (`breakOffTail`), in whole frames; `side.cuts` counts those that are to come.
 * What is reset on a connection upstream (`reader`) has been heard of when the peer acknowledges settings, which it is asked
 * for; apps may take many pings for an attack.
 */
export function withResets(data, side, reader) {
  var out = new Data();
  if (isPreface(data)) out.push(data.shift(prefaceSize));
  for (var frame = takeFrame(data); frame !== null; frame = takeFrame(data)) {
    var code = codeOf(frame);
    if (code < 0) pushFrame(out, frame.type, frame.flags, frame.stream, frame.payload);
    else if (code > 0) {
      side.cuts--;
      if (reader === null) out.push(resetOf(frame.stream, code));
      else pushCancel(out, frame.stream, reader);
    }
  }
  return out;
}

/** The code of the reset that a frame stands for; 0 for one that is left out, -1 for every other. */
function codeOf({ type, payload }) {
  if (type !== headers || payload.size > 11) return -1;
  var block = payload.toString('hex');
  if (block === breakOffBlock) return internalError;
  if (block === giveBackBlock) return refusedStream;
  return block === giveBackHeadBlock ? 0 : -1;
}

function pushCancel(out, stream, reader) {
  out.push(resetOf(stream, cancelled));
  reader.cancelled.push(streamAt(stream, 0));
  out.push(new Data([0, 0, 0, settings, 0, 0, 0, 0, 0]));
}

/**
 * What begins a connection, with a table of headers that stays empty (RFC 7541, 4.2): then every block that comes can be read
 * by itself, or left out. Pipy's settings begin with the size of the table.
 */
export function withoutTable(data) {
  var start = data.shift(prefaceSize + frameHeadSize + 2);
  data.shift(4);
  return start.push(new Data([0, 0, 0, 0])).push(data);
}

/**
 * Lets heads without a body end their streams, as every client does: Pipy ends each with an empty body, which an app may
 * take for one. `data` begins and ends with whole frames, or with the preface.
 */
export function withEnds(data) {
  var bytes = data.toArray();
  var out = new Data();
  var taken = 0;
  var next = 0;
  for (var at = bytes[0] === prefaceStart ? prefaceSize : 0; at < bytes.length; at = next) {
    next = at + frameHeadSize + sizeAt(bytes, at);
    if (
      bytes[at + 3] === headers &&
      bytes[at + 4] === endOfHeaders &&
      isEmptyEnd(bytes, next, streamAt(bytes, at + 5))
    ) {
      out.push(data.shift(at + 4 - taken)).push(new Data([endOfHeaders | endOfStream]));
      data.shift(1);
      out.push(data.shift(next - at - 5));
      data.shift(frameHeadSize);
      next += frameHeadSize;
      taken = next;
    }
  }
  return out.push(data);
}

/**
 * For what breaks the protocol: whole frames for which Pipy tells a client of it (GOAWAY), a body without a stream and settings
 * of one byte.
 */
export var misplacedFrame = [0, 0, 0, dataFrame, 0, 0, 0, 0, 0];
export var missizedFrame = [0, 0, 1, settings, 0, 0, 0, 0, 0, 0];

/**
 * Leaves out ends of streams that have ended already. Streams that end here with trailers or a reset are added to `ended` while
 * they are in `open`, which may be null. `data` begins and ends with whole frames.
 */
export function withoutSecondEnds(data, ended, open) {
  var out = new Data();
  if (isPreface(data)) out.push(data.shift(prefaceSize));
  for (var frame = takeFrame(data); frame !== null; frame = takeFrame(data)) {
    var stream = streamAt(frame.stream, 0);
    var isSecond = frame.type === dataFrame && frame.payload.size === 0 && ended.has(stream);
    if (!isSecond) pushFrame(out, frame.type, frame.flags, frame.stream, frame.payload);
    if (open !== null && isEnd(frame) && open.has(stream)) note(stream, ended, open);
  }
  return out;
}

/** The streams that end in whole frames, by their numbers; `data` stays as it is. */
export function endsIn(data) {
  var rest = new Data(data);
  var streams = [];
  if (isPreface(rest)) rest.shift(prefaceSize);
  for (var frame = takeFrame(rest); frame !== null; frame = takeFrame(rest))
    if (isEnd(frame) || isLastData(frame)) streams.push(streamAt(frame.stream, 0));
  return streams;
}

function note(stream, ended, open) {
  ended.forEach(each => {
    if (!open.has(each)) ended.delete(each);
  });
  ended.add(stream);
}

function isEnd({ type, flags }) {
  return type === resetFrame || (type === headers && (flags & endOfStream) !== 0);
}

function isLastData({ type, flags }) {
  return type === dataFrame && (flags & endOfStream) !== 0;
}

/** No frame is as long as its first byte would say. */
var prefaceStart = 80;
var prefaceSize = 24;

function isEmptyEnd(bytes, at, stream) {
  return (
    bytes[at + 3] === dataFrame &&
    bytes[at + 4] === endOfStream &&
    sizeAt(bytes, at) === 0 &&
    streamAt(bytes, at + 5) === stream
  );
}

/** RST_STREAM (RFC 9113, 6.4); the stream as four bytes. */
export function resetOf(stream, code) {
  return new Data([0, 0, 4, resetFrame, 0].concat(stream, [0, 0, 0, code]));
}

/** The same for several streams, by their numbers. */
export function pushResets(out, streams, code) {
  streams.forEach(stream => {
    out.push(resetOf(bytesOf(stream), code));
  });
}

/** The number that four bytes are, without the bit that means nothing. */
export function streamAt(bytes, at) {
  return (bytes[at] & 127) * 16777216 + bytes[at + 1] * 65536 + bytes[at + 2] * 256 + bytes[at + 3];
}

/** The four bytes of a stream's number. */
export function bytesOf(stream) {
  return [(stream >> 24) & 127, (stream >> 16) & 255, (stream >> 8) & 255, stream & 255];
}

/** The size of the payload of a frame whose head stands there. */
export function sizeAt(bytes, at) {
  return bytes[at] * 65536 + bytes[at + 1] * 256 + bytes[at + 2];
}

/** Puts a frame behind others; the stream as four bytes. */
export function pushFrame(out, type, flags, stream, payload) {
  var size = payload.size;
  out.push(new Data([(size >> 16) & 255, (size >> 8) & 255, size & 255, type, flags].concat(stream))).push(payload);
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
  return { type: bytes[3], flags: bytes[4], stream: bytes.slice(5), payload: data.shift(sizeAt(bytes, 0)) };
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
