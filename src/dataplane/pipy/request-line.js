/** First lines of requests (RFC 9112, 3), with methods that Pipy does not know. */
import { isToken } from './framing.js';

/** Methods that Pipy reads; any token is one (RFC 9110, 9.1). */
var methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE']);

/**
 * Takes a request's first line apart; null when it is none (RFC 9112, 3; a URI has ASCII only, RFC 3986, 2). A method that
 * Pipy does not know goes into the target, behind its length.
 */
export function requestLine(line) {
  if (typeof line !== 'string' || !hasASCIIOnly(line)) return null;
  var parts = line.split(' ');
  var [method, target, version] = parts;
  if (parts.length !== 3 || !isToken(method) || target === '' || target.charAt(0) === '#') return null;
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return null;
  return {
    method: method,
    isOld: version === 'HTTP/1.0',
    line: methods.has(method) ? line : `TRACE #${method.length}#${method}${target} ${version}`
  };
}

function hasASCIIOnly(text) {
  return new Data(text).size === text.length;
}

/** Puts back a method that Pipy does not know: see `requestLine`. */
export function restoreMethod(head) {
  var start = head.path.indexOf('#', 1) + 1;
  var end = start + Number.parseInt(head.path.substring(1, start - 1), 10);
  head.method = head.path.substring(start, end);
  head.path = head.path.substring(end);
}
