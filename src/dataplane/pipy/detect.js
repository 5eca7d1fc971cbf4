/**
 * What the first bytes of a connection say of its protocol. Pipy's `detectProtocol` knows nine methods; any token is one
 * (RFC 9110, 9.1).
 */
import { isToken } from './framing.js';

/** Longest beginning of a connection that is looked at, in bytes, and longest method in it. */
var lookMax = 8192;
var methodMax = 64;

var preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** The first bytes of a connection, as far as they have come. */
export function newBeginning() {
  return new Data();
}

/** Takes an event of a connection: true for HTTP, false for anything else, undefined while more has to come. */
export function looksLikeHTTP(beginning, event) {
  if (event instanceof StreamEnd) return false;
  if (!(event instanceof Data)) return undefined;
  beginning.push(event);
  var first = new Data(beginning);
  first.shiftWhile(byte => byte === 13 || byte === 10);
  var line = first
    .shift(lookMax)
    .shiftTo(byte => byte === 10)
    .toString();
  return line === undefined ? false : isRequestLine(line, beginning.size >= lookMax);
}

function isRequestLine(line, isAll) {
  if (line === '' || (preface.startsWith(line) && !line.endsWith('\n'))) return undefined;
  var parts = line.split(' ');
  var method = parts[0];
  var version = parts[2];
  if (method.length > methodMax || !isToken(method)) return false;
  if (version !== undefined) return isVersion(version);
  return line.endsWith('\n') || isAll ? false : undefined;
}

/** `HTTP/` or a beginning of it. */
function isVersion(text) {
  if (text.startsWith('HTTP/')) return true;
  return 'HTTP/'.startsWith(text) ? undefined : false;
}
