/**
 * What a client sends over HTTP/1, before Pipy's `demuxHTTP` reads it: heads come to Pipy whole, bounded, and in what it
 * reads correctly. A connection that repeats a head byte for byte, as clients do, costs one comparison.
 */
import {
  areNames,
  farewellOf,
  fieldName,
  hasBareNewline,
  headMax,
  headOf,
  headSize,
  isBrokenLine,
  isToken,
  lengthOf,
  lineMax,
  linesOf,
  longLengthOf,
  newChunks,
  passChunks,
  tokensOf
} from './framing.js';
import { dropped, fieldValues, spelled } from './hop.js';
import { http2 } from './http2-on-demand.js';
import { requestLine } from './request-line.js';
import { isOrdinary, isPlainHead, isShape, lineEnd, shapeOf } from './shapes.js';

/** What a connection waits for (`reading`): `everything` passes in a tunnel and over HTTP/2, `nothing` once it is refused. */
export var aHead = 0;
var aBody = 1;
var aChunk = 2;
var theAnswer = 3;
export var everything = 4;
var nothing = 5;
var aLongBody = 6;

/** Clients whose answers may have to be rewritten, of HTTP/1.0 and HTTP/2: while there are none, no answer is looked at. */
export var unusual = { clients: 0 };

/** For a client that turns out to be one. */
export function countUnusual(client) {
  if (client.isUnusual) return;
  client.isUnusual = true;
  unusual.clients++;
}

/** Heads up to this size, in bytes, are remembered. */
export var rememberedMax = 4096;

/** The preface of HTTP/2: what looks like a head, and the rest (RFC 9113, 3.4). */
var prefaceHead = 'PRI * HTTP/2.0\r\n\r\n';
var prefaceRest = 'SM\r\n\r\n';

var noRequest = { status: '400 Bad Request', detail: 'malformed: This is no HTTP request.\n' };
var noChunk = { status: '400 Bad Request', detail: 'malformed: This is no chunk.\n' };
var twoLengths = { status: '400 Bad Request', detail: 'malformed: The request has two lengths.\n' };
var longLine = {
  status: '431 Request Header Fields Too Large',
  detail: `malformed: A line of the head has over ${lineMax} bytes.\n`
};
var longHead = { status: '431 Request Header Fields Too Large', detail: 'malformed: The head has no end.\n' };

/**
 * For a read that begins with a head: `text` is the read. It passes as it is when it is one plain head, which is what
 * nearly every GET is, or one of a known shape with no more than its body.
 */
export function readHead(client, data, text) {
  client.isKnown = false;
  client.isShaped = false;
  client.shape = '';
  if (text === undefined || text.length !== data.size) return read(client, data);
  if (text >= 'GET /' && text < 'GET 0') {
    var { plainShape } = client;
    if (
      plainShape !== '' &&
      text.endsWith(plainShape) &&
      text.indexOf('\n') === text.length - plainShape.length + lineEnd
    ) {
      client.isShaped = true;
      client.isUnread = true;
      client.text = text;
      return data;
    }
    if (text.indexOf('\r\n\r\n') + 4 === text.length) return readGet(client, data, text);
  }
  return readFramed(client, data, text);
}

function readGet(client, data, text) {
  if (!isPlainHead(text)) return readFramed(client, data, text);
  var shape = shapeOf(text, text.length);
  client.shape = isShape(shape) ? shape : '';
  client.shapeSize = 0;
  client.isUnread = true;
  client.text = text;
  return data;
}

function readFramed(client, data, text) {
  var end = text.indexOf('\r\n\r\n') + 4;
  if (end < 4 || client.framedShape === '' || client.framedSize < text.length - end) return read(client, data);
  if (shapeOf(text, end) !== client.framedShape || !isOrdinary(text)) return read(client, data);
  begin(client, client.framedSize + end - text.length);
  return data;
}

/** For a head of a known shape, of whose body so many bytes are to come; -1 for chunks. */
function begin(client, left) {
  client.text = null;
  client.isUnread = true;
  client.isShaped = true;
  client.isFinal = false;
  client.waits = false;
  client.left = left > 0 ? left : 0;
  if (left < 0) client.chunks = newChunks();
  client.reading = left < 0 ? aChunk : left > 0 ? aBody : aHead;
}

/** Whether a head that passed for plain has a body, or asks for a tunnel: bytes behind it would be taken for heads. */
export function isUnseen(client, headers) {
  if (client.text === null) return false;
  return ['content-length', 'transfer-encoding', 'upgrade'].some(name => headers[name] !== undefined);
}

/** For every other read: gives what of it may go to Pipy, rewritten where it has to be, or an end when it is refused. */
export function read(client, data) {
  if (client.reading === aBody && data.size < client.left) {
    client.left -= data.size;
    return data;
  }
  client.isKnown = false;
  client.isShaped = false;
  client.shape = '';
  client.heads = 0;
  client.text = null;
  var bytes = client.partial === null ? data : client.partial.push(data);
  var out = new Data();
  client.partial = null;
  for (var goesOn = bytes.size > 0; goesOn; goesOn = goesOn && bytes.size > 0) goesOn = step(client, bytes, out);
  if (bytes.size > 0 && client.reading !== nothing) client.partial = bytes;
  if (client.reading === nothing && client.farewell !== '') return [out, new StreamEnd()];
  return out.size > 0 ? out : undefined;
}

/** Takes a part of the bytes; false when more have to come. */
function step(client, bytes, out) {
  if (client.reading === theAnswer) client.reading = client.tunnel ? everything : theAnswer;
  switch (client.reading) {
    case aHead:
      return takeHead(client, bytes, out);
    case aBody:
      return takeBody(client, bytes, out);
    case aChunk:
      return takeChunks(client, bytes, out);
    case aLongBody:
      return takeLong(client, bytes, out);
    case theAnswer:
      return takeEarly(client, bytes);
    case everything:
      passOn(client, bytes.shift(bytes.size), out);
      return false;
    default:
      return false;
  }
}

/** What is read no further here: a tunnel, or HTTP/2. */
export function readOn(client, data) {
  if (client.reader === null) return data;
  client.sinceHead += data.size;
  return http2().readFrames(client.reader, data);
}

function passOn(client, data, out) {
  var passed = readOn(client, data);
  if (passed !== undefined) out.push(passed);
}

function takeBody(client, bytes, out) {
  var piece = bytes.shift(client.left);
  client.left -= piece.size;
  out.push(piece);
  if (client.left === 0) client.reading = afterBody(client);
  return true;
}

/** A body that is longer than Pipy counts goes on in chunks. */
function takeLong(client, bytes, out) {
  var piece = bytes.shift(client.left < bytes.size ? client.left : bytes.size);
  client.left -= piece.size;
  out
    .push(`${piece.size.toString(16)}\r\n`)
    .push(piece)
    .push('\r\n');
  if (client.left > 0) return true;
  out.push('0\r\n\r\n');
  client.reading = afterBody(client);
  return true;
}

/** Behind a request that ends its connection nothing is one (RFC 9112, 9.6). */
function afterBody(client) {
  return client.isFinal ? nothing : aHead;
}

function takeChunks(client, bytes, out) {
  var state = passChunks(client.chunks, bytes, out);
  if (state === 'bad') return refuse(client, noChunk);
  if (state === 'done') client.reading = afterBody(client);
  return state === 'done';
}

/**
 * What comes before a CONNECT or an upgrade was answered belongs to nobody yet, and waits here, bounded: Pipy would read it for
 * requests, or frames, where no tunnel opens.
 */
function takeEarly(client, bytes) {
  return bytes.size > headMax ? refuse(client, longHead) : false;
}

/** For the beginning of a tunnel: what has waited for it. */
export function takeHeld(client) {
  var held = client.partial;
  client.partial = null;
  client.reading = everything;
  return held === null ? undefined : held;
}

/** Whether a client waits with the body of its newest request, so that what comes next may be another one (RFC 9110, 10.1.1). */
export function isWaiting({ waits, reading }) {
  return waits && (reading === aBody || reading === aChunk || reading === aLongBody);
}

/** For a request whose answer opens no tunnel, though it asked for one: Pipy reads nothing more, so this answer is the last. */
export function noTunnel(client) {
  if (client.reading !== theAnswer) return;
  client.reading = nothing;
  client.partial = null;
  client.isLast = true;
}

function takeHead(client, bytes, out) {
  skipEmptyLines(bytes);
  var size = headSize(bytes);
  if (size < 0 && !isBeginning(bytes)) return refuse(client, noRequest);
  if (size < 0) return bytes.size > headMax ? refuse(client, longHead) : false;
  if (size > headMax) return refuse(client, longHead);
  var head = bytes.shift(size);
  if (size === prefaceHead.length && head.toString() === prefaceHead) return beginHTTP2(client, head, bytes, out);
  return passHead(client, head, out);
}

/** Anything else behind what begins the preface Pipy would take for a frame, and read the next client's connection on from there. */
function beginHTTP2(client, head, bytes, out) {
  var rest = bytes.shift(prefaceRest.length);
  if (!prefaceRest.startsWith(`${rest.toString()}`)) return refuse(client, noRequest);
  if (rest.size < prefaceRest.length) {
    bytes.push(head).push(rest);
    return false;
  }
  countUnusual(client);
  client.reader = http2().newReader(false);
  client.reading = everything;
  out.push(head).push(rest);
  return true;
}

/** Whether a request may begin so (RFC 9112, 3): with a token, and with a first line that is one. */
function isBeginning(bytes) {
  if (hasBareNewline(bytes)) return false;
  var text = new Data(bytes).shiftTo(byte => byte === 32 || byte === 13).toString();
  if (text === undefined) return false;
  var whole = bytes.toString();
  if (whole !== undefined && prefaceHead.startsWith(whole)) return true;
  var end = whole === undefined ? -1 : whole.indexOf('\r\n');
  if (end >= 0) return requestLine(whole.substring(0, end)) !== null;
  return text === '' || isToken(text.trim());
}

/** RFC 9112, 2.2: empty lines before a request are ignored. */
function skipEmptyLines(bytes) {
  bytes.shiftWhile(byte => byte === 13 || byte === 10);
}

function passHead(client, head, out) {
  var text = head.toString();
  var isASCII = text !== undefined && text.length === head.size && text.length <= rememberedMax;
  var shape = isASCII ? shapeOf(text, text.length) : '';
  client.heads++;
  client.shape = '';
  client.isShaped = false;
  if (isASCII && shape === client.framedShape && isOrdinary(text)) {
    begin(client, client.framedSize);
    client.isShaped = client.heads === 1;
    out.push(head);
    return true;
  }
  var lines = linesOf(head);
  var names = lines.map(fieldName);
  if (lines.some(isTooLong)) return refuse(client, longLine);
  if (lines.some(isBrokenLine) || names.some(isNameless)) return refuse(client, noRequest);
  var parts = requestLine(lines[0]);
  if (parts === null) return refuse(client, noRequest);
  lines[0] = parts.line;
  return passFields(client, parts, lines, names, shape, out);
}

function isTooLong(line) {
  return (typeof line === 'string' ? line.length : line.size) > lineMax - 2;
}

/** A header's line without a name (RFC 9112, 5.1); the first line is none. */
function isNameless(name, at) {
  return at > 0 && (name === '' || !areNames(name));
}

function passFields(client, { method, isOld }, lines, names, shape, out) {
  var codings = fieldValues(lines, names, 'transfer-encoding:');
  var lengths = fieldValues(lines, names, 'content-length:');
  if (lengths.some(each => each !== lengths[0]) || codings.length > 1) return refuse(client, twoLengths);
  var isChunked = codings.length === 1 && codings[0].toLowerCase() === 'chunked';
  var asksForTunnel = !isOld && codings.length === 0 && lengths.every(each => each === '0') && isUpgrade(lines, names);
  var isDropped = dropped(lines, names, asksForTunnel);
  var isLast = isFinal(lines, names, isOld);
  var kept = lines
    .filter((_, at) => at === 0 || !isDropped(names[at]))
    .map((line, at) => (at === 0 ? line : spelled(line, isChunked, asksForTunnel, isLast)));
  if (method === 'CONNECT' || asksForTunnel) return pass(client, theAnswer, kept, out);
  client.waits = names.includes('expect:');
  client.isFinal = isLast;
  var long = lengths.length === 0 || codings.length > 0 ? -1 : longLengthOf(lengths[0]);
  if (long > 0) {
    client.left = long;
    return pass(
      client,
      aLongBody,
      kept.map(line => (fieldName(line) === 'content-length:' ? 'Transfer-Encoding: chunked' : line)),
      out
    );
  }
  if (isChunked) client.chunks = newChunks();
  client.left = isChunked || lengths.length === 0 ? 0 : lengthOf(lengths[0]);
  if (client.heads === 1 && client.left >= 0 && !isLast && !client.waits && isShape(shape) && isSame(kept, lines)) {
    client.shape = shape;
    client.shapeSize = isChunked ? -1 : client.left;
  }
  return pass(client, isChunked ? aChunk : client.left > 0 ? aBody : afterBody(client), kept, out);
}

function isSame(kept, lines) {
  return kept.length === lines.length && kept.every((line, at) => line === lines[at]);
}

/** Whether a request is the last of its connection (RFC 9112, 9.3). */
function isFinal(lines, names, isOld) {
  var tokens = fieldValues(lines, names, 'connection:').flatMap(tokensOf);
  return tokens.includes('close') || (isOld && !tokens.includes('keep-alive'));
}

/** Whether a request asks for a WebSocket (RFC 6455, 4.1; RFC 9110, 7.8). */
function isUpgrade(lines, names) {
  var upgrade = fieldValues(lines, names, 'upgrade:').join(',').toLowerCase();
  return upgrade === 'websocket' && fieldValues(lines, names, 'connection:').flatMap(tokensOf).includes('upgrade');
}

function pass(client, reading, lines, out) {
  client.reading = reading;
  client.isUnread = reading !== everything;
  out.push(headOf(lines));
  return true;
}

/** Nothing more is read; what came before is answered, and then the connection ends with this, unless it ends already. */
function refuse(client, { status, detail }) {
  client.reading = nothing;
  if (client.ending) return false;
  client.farewell = farewellOf(status, detail);
  return false;
}
