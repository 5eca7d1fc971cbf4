/**
 * What an upstream answers over HTTP/1, before Pipy reads it: heads come to Pipy whole and in what it reads correctly,
 * chunks without extensions and trailers, interim answers only where Pipy can pass them on. See `newPlace` for the state.
 */
import {
  fieldName,
  fieldValue,
  hasBareNewline,
  headMax,
  headOf,
  headSize,
  isBrokenLine,
  lengthOf,
  linesOf,
  newChunks,
  passChunks,
  putBack,
  withoutBlanks
} from './framing.js';
import { hangUp } from './lib.js';

/** Bytes that are searched first for the end of a head: to make text of them is dear. */
var nearMax = 4096;

/** Bytes of a first line that tell a final answer with a reason. */
var firstMax = 13;

/** What comes behind the first bytes of an answer, so that one can look at what Pipy has made of them: see `check`. */
export var mark = new Data();

/**
 * For `replaceData` of what an app sends: the bytes that may go to Pipy; an end when they cannot be read. Nearly every
 * answer begins as one that Pipy reads; then it is asked afterwards whether it did.
 */
export function receive(place, data) {
  if (place.head !== null || place.isWhole || place.partial !== null || place.received > 0)
    return receiveMore(place, data);
  var first = data.shift(firstMax);
  var text = first.toString();
  var all = first.push(data);
  if (text !== place.firstLine && !isFinal(text)) return receiveOdd(place, all);
  place.firstLine = text;
  place.chunks = null;
  place.received = all.size;
  place.fed = all;
  place.copy = new Data(all);
  return [all, mark];
}

/**
 * For `replaceData` of what another sidecar sends, which is sound but where what stands behind it speaks no HTTP: Pipy would wait for an
 * answer in it.
 */
export function heard(place, data) {
  if (place.firstLine !== '' || data.size === 0) return data;
  place.firstLine = `${new Data(data).shift(5).toString()}`;
  return 'HTTP/'.startsWith(place.firstLine) ? data : unreadable(place);
}

/** A status that Pipy reads, and a reason after it; a head that has just begun has neither. */
function isFinal(text) {
  return text >= 'HTTP/1.1 2' && text < 'HTTP/1.1 6' && text.length === firstMax && text.charAt(12) === ' ';
}

function receiveMore(place, data) {
  if (place.passes) return data;
  if (place.isWhole) return stray(place);
  if (place.head === null && place.partial === null) return receiveHead(place, data);
  if (place.head === null) return receiveOdd(place, place.partial.push(data));
  if (place.chunks !== null) return receiveChunks(place, data);
  place.received += data.size;
  return data;
}

/** More of a head that Pipy reads already. */
function receiveHead(place, data) {
  place.copy.push(data);
  place.received += data.size;
  place.fed = data;
  return [data, mark];
}

/** Nobody has asked for it: who asks next would take it for an answer. */
function stray(place) {
  place.isAlone = true;
  hangUp(place);
  return undefined;
}

/**
 * For the mark, which comes behind `receive`: Pipy has read what came before it. A whole head of which it has
 * made nothing it cannot read, and it says so to nobody. What `begin` has kept of a chunked body goes on here.
 */
export function check(place) {
  place.fed = null;
  if (place.head === null) return isRead(place) ? undefined : unreadable(place);
  place.copy = null;
  var rest = place.rest;
  if (rest === null) return undefined;
  place.rest = null;
  return receiveChunks(place, rest);
}

function isRead(place) {
  return headSizeNear(place.copy) < 0 && place.copy.size <= headMax && !isOther(place.copy);
}

/**
 * For the head of an answer that Pipy has just read: whether it has read the length of the body as it is meant. Where it
 * found none, a line may have ended for it what is no end of the head.
 */
export function beginBody(place, headers) {
  var coding = headers['transfer-encoding'];
  var length = headers['content-length'];
  if (coding !== undefined && length !== undefined) delete headers['content-length'];
  if (coding !== undefined) return beginChunks(place, coding);
  if (length === undefined) return isWholeHead(place.copy);
  var isCounted = lengthOf(length) >= 0 || lengthOf(withoutBlanks(length)) >= 0;
  if (isCounted) place.length = length;
  return isCounted;
}

function isWholeHead(bytes) {
  var size = headSizeNear(bytes);
  return size >= 0 && !hasBareNewline(new Data(bytes).shift(size));
}

/**
 * For the head of an answer in chunks that Pipy has just read: takes what follows away from it, which `check` gives back
 * without extensions and trailers. Pipy knows `chunked` in lower case only, and reads anything else until the connection
 * ends; so with another spelling it does. False for another coding.
 */
function beginChunks(place, coding) {
  var name = withoutBlanks(coding);
  if (name.toLowerCase() !== 'chunked') return false;
  place.chunks = newChunks();
  place.chunks.isBare = !coding.startsWith('chunked');
  place.rest = place.fed.shift(place.fed.size);
  place.received -= place.rest.size;
  if (place.rest.size === 0) place.rest = null;
  return true;
}

/** Everything else: its head is held until it is whole, and written anew. */
function receiveOdd(place, bytes) {
  place.partial = null;
  place.chunks = null;
  var size = headSizeNear(bytes);
  if (size < 0 && (bytes.size > headMax || isOther(bytes))) return unreadable(place);
  if (size < 0) {
    place.partial = bytes;
    return undefined;
  }
  return passHead(place, linesOf(bytes.shift(size)), bytes);
}

function headSizeNear(bytes) {
  if (bytes.size <= nearMax) return headSize(bytes);
  var near = bytes.shift(nearMax);
  var size = headSize(near);
  putBack(bytes, near);
  return size < 0 ? headSize(bytes) : size;
}

/** Whether what has begun cannot become a head of HTTP/1: lines end with CR and LF (RFC 9112, 2.2). */
function isOther(bytes) {
  var start = new Data(bytes).shift(7).toString();
  return start === undefined || !'HTTP/1.'.startsWith(start) || hasBareNewline(bytes);
}

function passHead(place, lines, rest) {
  var status = statusOf(lines[0]);
  if (status < 0 || lines.some(isBroken)) return unreadable(place);
  if (status === 101) return passSwitch(place, lines, rest);
  if (status === 100 && !place.client.isOld) return passInterim(place, lines, rest);
  if (status < 200) return rest.size > 0 ? receiveOdd(place, rest) : undefined;
  return passFinal(place, lines, rest, status);
}

/** The status of a first line, -1 when it is none (RFC 9112, 4). */
function statusOf(line) {
  var text = typeof line === 'string' ? line : `${new Data(line).shift(13).toString()}`;
  if (!text.startsWith('HTTP/1.') || text.charAt(8) !== ' ') return -1;
  var status = lengthOf(text.substring(9, 12));
  var end = text.charAt(12);
  return status >= 100 && status < 600 && (end === '' || end === ' ') ? status : -1;
}

/** A header without a name, or a line that is folded or has a CR or LF in it. */
function isBroken(line, at) {
  return isBrokenLine(line) || (at > 0 && fieldName(line) === '');
}

function passSwitch(place, lines, rest) {
  place.passes = true;
  return headOf(lines).push(rest);
}

/** Pipy passes on a 100, and takes what follows for the answer, unless that says that it has a body, or is the last (RFC 9112, 6.3 and 9.6). */
function passInterim(place, lines, rest) {
  var fields = lines.slice(1).filter(line => !framing.includes(fieldName(line)));
  var head = headOf([ofOurVersion(withReason(lines[0]))].concat(fields));
  place.received += head.size;
  if (rest.size === 0) return head;
  var more = receiveOdd(place, rest);
  return more === undefined ? head : [head].concat(more);
}

var framing = ['transfer-encoding:', 'content-length:', 'connection:'];

/** Of an older version Pipy takes each answer for the last. */
function ofOurVersion(line) {
  return typeof line === 'string' ? `HTTP/1.1${line.substring(8)}` : line;
}

function withReason(line) {
  return line.length === 12 ? `${line} ` : line;
}

function passFinal(place, lines, rest, status) {
  var names = lines.map(fieldName);
  var codings = fieldsOf(lines, names, 'transfer-encoding:');
  var lengths = fieldsOf(lines, names, 'content-length:');
  var isChunked = codings.length === 1 && codings[0].toLowerCase() === 'chunked';
  if (codings.length > 0 && !isChunked) return unreadable(place);
  if (!isChunked && lengths.some(each => lengthOf(each) < 0 || each !== lengths[0])) return unreadable(place);
  var head = headOf([withReason(lines[0])].concat(lines.slice(1).map(line => spelled(line, isChunked))));
  place.chunks = isChunked && status !== 204 && status !== 304 && place.asked.method !== 'HEAD' ? newChunks() : null;
  place.received += head.size;
  if (rest.size === 0) return head;
  if (place.chunks !== null) return afterHead(head, receiveChunks(place, rest));
  place.received += rest.size;
  return head.push(rest);
}

function afterHead(head, body) {
  return body === undefined ? head : [head, body];
}

function fieldsOf(lines, names, name) {
  return lines.filter((_, at) => at > 0 && names[at] === name).map(fieldValue);
}

function spelled(line, isChunked) {
  return isChunked && fieldName(line) === 'transfer-encoding:' ? 'Transfer-Encoding: chunked' : line;
}

function receiveChunks(place, data) {
  var bytes = place.partial === null ? data : place.partial.push(data);
  var out = new Data();
  place.partial = null;
  var state = passChunks(place.chunks, bytes, out);
  place.received += out.size;
  if (state === 'bad') return unreadable(place);
  if (state === 'done' && place.chunks.isBare) return lastOf(place, out);
  if (state === 'done' && bytes.size > 0) stray(place);
  if (state === 'more' && bytes.size > 0) place.partial = bytes;
  return out.size > 0 ? out : undefined;
}

/** Pipy waits for the end of the connection. */
function lastOf(place, out) {
  place.isEnded = true;
  place.isAlone = true;
  hangUp(place);
  return [out, new StreamEnd()];
}

function unreadable(place) {
  place.unreadable = true;
  place.isAlone = true;
  hangUp(place);
  return new StreamEnd('ReadError');
}
