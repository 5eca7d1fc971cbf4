/**
 * What an upstream answers over HTTP/1, before Pipy reads it: heads come to Pipy whole and in what it reads correctly,
 * chunks without extensions and trailers, interim answers only where Pipy can pass them on. See `newPlace` for the state.
 */
import {
  fieldName,
  fieldValue,
  headMax,
  headOf,
  headSize,
  lengthOf,
  linesOf,
  newChunks,
  passChunks
} from './framing.js';
import { hangUp } from './lib.js';

/** Bytes that are searched first: nearly every head is shorter, and what follows may be long. */
var nearMax = 4096;

/** For `replaceData` of what comes from an upstream: the bytes that may go to Pipy; an end when they cannot be read. */
export function receive(place, data) {
  if (place.passes) return data;
  if (place.isWhole) return stray(place);
  if (place.head === null)
    return place.partial === null ? receiveHead(place, data) : receiveOdd(place, place.partial.push(data));
  if (place.chunks !== null) return receiveChunks(place, data);
  place.received += data.size;
  return data;
}

/** Nobody has asked for it: who asks next would take it for an answer. */
function stray(place) {
  place.isAlone = true;
  hangUp(place);
  return undefined;
}

function receiveHead(place, data) {
  if (data.size > nearMax) return receiveLong(place, data);
  var text = data.toString();
  if (text === undefined || !isPlain(text)) return receiveOdd(place, data);
  place.chunks = null;
  place.received += data.size;
  return data;
}

function receiveLong(place, data) {
  var near = data.shift(nearMax);
  var text = near.toString();
  var all = near.push(data);
  if (text === undefined || !isPlain(text)) return receiveOdd(place, all);
  place.chunks = null;
  place.received += all.size;
  return all;
}

/** A final answer with a reason, whose body Pipy reads as it is meant. `ransfer-` stands in any spelling of the coding. */
function isPlain(text) {
  return (
    text >= 'HTTP/1.1 2' &&
    text < 'HTTP/1.1 6' &&
    text.charAt(12) === ' ' &&
    text.includes('\r\n\r\n') &&
    !text.includes('RANSFER-') &&
    (!text.includes('ransfer-') || isWholeInChunks(text))
  );
}

/** Chunks that are all there, without extensions and trailers, as most are. */
function isWholeInChunks(text) {
  if (!text.endsWith('\r\n0\r\n\r\n')) return false;
  var end = text.indexOf('\r\n\r\n');
  var at = text.indexOf('ransfer-');
  var isSpelled =
    text.startsWith('ransfer-Encoding: chunked\r\n', at) || text.startsWith('ransfer-encoding: chunked\r\n', at);
  return at < end && at === text.lastIndexOf('ransfer-') && isSpelled && !text.includes(';', end);
}

function receiveOdd(place, bytes) {
  place.partial = null;
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
  near.push(bytes);
  bytes.shift(bytes.size);
  bytes.push(near);
  return size < 0 ? headSize(bytes) : size;
}

/** Whether what has begun cannot become a head of HTTP/1: lines end with CR and LF (RFC 9112, 2.2). */
function isOther(bytes) {
  var text = bytes.toString();
  if (text === undefined) return false;
  return !'HTTP/1.'.startsWith(text.substring(0, 7)) || text.includes('\n\n');
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
  if (typeof line === 'string' && (line.includes('\r') || line.includes('\n'))) return true;
  return at > 0 && (fieldName(line) === '' || fieldName(line).charAt(0) === ' ' || fieldName(line).charAt(0) === '\t');
}

function passSwitch(place, lines, rest) {
  place.passes = true;
  return headOf(lines).push(rest);
}

/** Pipy passes on a 100, and takes what follows for the answer. */
function passInterim(place, lines, rest) {
  var head = headOf([withReason(lines[0])].concat(lines.slice(1)));
  place.received += head.size;
  if (rest.size === 0) return head;
  var more = receiveOdd(place, rest);
  return more === undefined ? head : [head, more];
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
  place.chunks = isChunked && status !== 204 && status !== 304 && !place.isHead ? newChunks() : null;
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
  if (state === 'done' && bytes.size > 0) stray(place);
  if (state === 'more' && bytes.size > 0) place.partial = bytes;
  return out.size > 0 ? out : undefined;
}

function unreadable(place) {
  place.unreadable = true;
  hangUp(place);
  return new StreamEnd('ReadError');
}
