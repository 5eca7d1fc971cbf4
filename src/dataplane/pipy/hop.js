/** What of a request's head concerns one connection alone, and how what stays is spelled. */
import { fieldName, fieldValue, tokensOf, trimmed } from './framing.js';

/** Values of the lines of one name. */
export function fieldValues(lines, names, name) {
  return lines.filter((_, at) => at > 0 && names[at] === name).map(fieldValue);
}

/**
 * What concerns the client's connection alone (RFC 9110, 7.6.1): what `Connection` names, and every upgrade but to a WebSocket.
 * Pipy would make one to HTTP/2 by itself, and collect the body of a request with one. What Pipy needs to read a message stays.
 */
export function dropped(lines, names, asksForTunnel) {
  var named = fieldValues(lines, names, 'connection:').flatMap(tokensOf);
  var own = new Set(named.filter(token => !isNeeded(token)).map(token => `${token}:`));
  return name => own.has(name) || (!asksForTunnel && (name === 'upgrade:' || name === 'http2-settings:'));
}

function isNeeded(name) {
  return ['', 'close', 'keep-alive', 'upgrade', 'host', 'transfer-encoding', 'content-length', 'te'].includes(name);
}

/** Pipy knows `chunked`, `close` and `websocket` in lower case only, though any is meant (RFC 9112, 7 and 9.6). */
export function spelled(line, isChunked, asksForTunnel, isLast) {
  var name = fieldName(line);
  if (name === 'upgrade:') return 'Upgrade: websocket';
  if (name === 'transfer-encoding:' && isChunked) return said(line, 'Transfer-Encoding', 'chunked');
  if (name === 'content-length:') return said(line, 'Content-Length', fieldValue(line));
  if (name !== 'connection:') return trimmed(line);
  return said(line, 'Connection', asksForTunnel ? 'Upgrade' : isLast ? 'close' : 'keep-alive');
}

/** Pipy keeps blanks behind a value, which do not belong to it (RFC 9112, 5.1). A line that is no UTF-8 is none. */
function said(line, name, value) {
  return typeof line === 'string' && line.substring(line.indexOf(':')) === `: ${value}` ? line : `${name}: ${value}`;
}
