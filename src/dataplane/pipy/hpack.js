/**
 * Header blocks of HTTP/2 (RFC 7541), as far as this shell reads and writes them itself. No peer has a table that could
 * change what they mean: see `withoutTable`.
 */
import { putBack } from './framing.js';

/** `content-length` as a name that both sides know, before its value (RFC 7541, 6.2.2 and appendix A). */
var lengthName = [15, 13];
var lengthOfNothing = lengthName.concat([1, 48]);

/** A header block that says how many bytes a body had. */
export function lengthOf(count) {
  if (count === 0) return new Data(lengthOfNothing);
  var digits = `${count}`;
  return new Data(lengthName.concat([digits.length])).push(digits);
}

/**
 * What kind of answer a header block begins: `final`, `empty` when it has no body (RFC 9110, 6.4.1), `interim` (15.2), or
 * `none` when its first field is no status (RFC 9113, 8.3), or 101, which HTTP/2 does not have (8.6).
 */
export function kindOf(payload) {
  var first = payload.shift(16);
  var bytes = first.toArray();
  putBack(payload, first);
  var at = bytes[0] === 32 ? 1 : 0;
  var code = bytes[at];
  if (code === undefined || (code > 31 && code < 64)) return 'none';
  var index = code & (code > 127 ? 127 : code > 63 ? 63 : 15);
  if (index === 0) return kindOfNamed(bytes, at + 1);
  if (index < statusMin || (index > statusMax && index < tableSize)) return 'none';
  if (code > 127) return index === noContent || index === notModified ? 'empty' : 'final';
  return index > statusMax ? 'final' : kindOfStatus(bytes, at + 1);
}

/** Places of `:status` in the table that both sides begin with, and the end of that, above which no peer should be. */
var [statusMin, noContent, notModified, statusMax, tableSize] = [8, 9, 11, 14, 62];

/** The name as text, and in the code of RFC 7541 (5.2). */
var statusNames = [
  [7, 58, 115, 116, 97, 116, 117, 115],
  [133, 184, 132, 141, 54, 163]
];

function kindOfNamed(bytes, at) {
  var name = statusNames.find(each => each.every((byte, i) => bytes[at + i] === byte));
  return name === undefined ? 'none' : kindOfStatus(bytes, at + name.length);
}

/** A status of three digits whose first is 1 is interim. What is no status Pipy's reader of the head tells. */
function kindOfStatus(bytes, at) {
  var length = bytes[at] & 127;
  var digits = bytes[at] > 127 ? decoded(bytes, at + 1, length) : text(bytes, at + 1, length);
  if (digits === '204' || digits === '304') return 'empty';
  if (digits.length !== 3 || digits.charAt(0) !== '1') return 'final';
  return digits === '101' ? 'none' : 'interim';
}

function text(bytes, at, length) {
  return bytes
    .slice(at, at + length)
    .map(byte => (byte > 47 && byte < 58 ? `${byte - 48}` : '?'))
    .join('');
}

/** Digits in the code of RFC 7541 (appendix B): 0 to 2 have five bits, the others six. */
function decoded(bytes, at, length) {
  var bits = bytes
    .slice(at, at + length)
    .map(byte => (256 + byte).toString(2).substring(1))
    .join('');
  var digits = '';
  for (
    var i = 0;
    i + 5 <= bits.length && digits.length < 4;
    i += Number.parseInt(bits.substring(i, i + 5), 2) < 3 ? 5 : 6
  )
    digits += digitOf(Number.parseInt(bits.substring(i, i + 5), 2), Number.parseInt(bits.substring(i, i + 6), 2));
  return digits;
}

function digitOf(five, six) {
  if (five < 3) return `${five}`;
  return six > 24 && six < 32 ? `${six - 22}` : '';
}
