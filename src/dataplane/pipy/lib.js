/**
 * What Pipy 1.5 gets wrong or leaves to scripts, in one place. Each has a test in test/pipy.
 */

/**
 * Options of `demuxHTTP`. Without `bufferSize` a response is collected whole before its first byte goes out, so
 * nothing streams; with 1 every body goes on as it comes, in chunks. Pipy 1.5.18 forgets `maxHeaderSize`: a line of
 * more than 16 KB ends the connection without an answer.
 */
export var serverOptions = { bufferSize: 1, maxHeaderSize: '32k' };

/** Largest request body, in bytes, that `muxHTTP` may collect: it sends nothing before it has the whole request. */
export var pooledBodyMax = 65536;

/** Options of `muxHTTP`; the buffer holds every body that goes this way, so `content-length` stays as it is. */
export var poolOptions = { bufferSize: 2 * pooledBodyMax, maxHeaderSize: '64k', maxIdle: 30 };

/** Options of `muxHTTP` for an app, which may close idle connections early: Node's HTTP server does after 5 seconds. */
export var appPoolOptions = { bufferSize: 2 * pooledBodyMax, maxHeaderSize: '64k', maxIdle: 3 };

/** Options of `encodeHTTPRequest` for bodies that must flow: see `serverOptions`. */
export var streamOptions = { bufferSize: 1 };

/** Options of `muxHTTP` for HTTP/2. */
export var http2Options = { version: 2, maxIdle: 30 };

/** Streams at once on an HTTP/2 connection: what every server should allow (RFC 9113, 6.5.2). */
export var streamsMax = 100;

/**
 * Why a request must not be passed on, or null (RFC 9112, 6.1 to 6.3). Pipy takes every transfer coding that begins
 * with `chunked` for `chunked` and others for none, and reads lengths with atoi: what it and the app read differently
 * is how a request is smuggled.
 */
export function malformed(headers) {
  if (hasSpacedName(headers)) return 'A header name holds a space.';
  var coding = headers['transfer-encoding'];
  var length = headers['content-length'];
  if (coding !== undefined) {
    if (coding !== 'chunked') return 'The transfer coding is not chunked.';
    if (length !== undefined) return 'The request has a transfer coding and a length.';
  }
  if (length !== undefined && !isLength(length)) return 'The content length is not a number below 2147483648.';
  return null;
}

/**
 * Whether a name of a header holds a space (RFC 9112, 5.1): Pipy takes `Content-Length : 5` for a header that it does
 * not know and passes it on to an app that may know it.
 */
function hasSpacedName(headers) {
  var names = Object.keys(headers).join(':');
  return names.includes(' ') || names.includes('\t');
}

/** Whether a text is a number of bytes that Pipy counts correctly. */
function isLength(text) {
  if (text.length > 10 || text === '') return false;
  for (var i = 0; i < text.length; i++) {
    var code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return Number.parseInt(text, 10) < 2147483648;
}

/** Removes what only a proxy may say about a caller, and what concerns one connection (RFC 9110, 7.6.1). */
export function removeClaims(headers) {
  delete headers.serviceidentity;
  delete headers['x-forwarded-client-cert'];
  delete headers['fsm-stats-namespace'];
  delete headers['fsm-stats-kind'];
  delete headers['fsm-stats-name'];
  delete headers['fsm-stats-pod'];
  delete headers['keep-alive'];
  delete headers['proxy-connection'];
}

/** Whether a request asks for a WebSocket; other upgrades are ignored (RFC 9110, 7.8), or requests could pass unseen. */
export function isWebSocket(headers) {
  if (headers.upgrade === undefined) return false;
  if (headers.upgrade.toLowerCase() !== 'websocket') {
    delete headers.upgrade;
    return false;
  }
  headers.upgrade = 'websocket';
  return true;
}

/** Pipy drops `connection`, without which an upgrade is none (RFC 9110, 7.8). */
export function restoreUpgrade(head) {
  if (head.headers.upgrade !== undefined) head.headers.connection = 'Upgrade';
}

/** Turns an absolute-form target into origin form: its authority replaces Host (RFC 9112, 3.2.2). */
export function toOriginForm(head) {
  var scheme = head.path.indexOf('://');
  if (scheme < 0) return;
  var rest = head.path.substring(scheme + 3);
  var slash = rest.indexOf('/');
  head.headers.host = slash < 0 ? rest : rest.substring(0, slash);
  head.path = slash < 0 ? '/' : rest.substring(slash);
}

/** A request as the policy reads it: the path is without the query. */
export function describe(head) {
  var headers = head.headers;
  var path = head.path;
  var query = path.indexOf('?');
  return {
    method: head.method,
    path: query < 0 ? path : path.substring(0, query),
    host: headers.host || head.authority || '',
    headers: headers.cookie === undefined ? headers : withOneCookie(headers),
  };
}

/** Pipy gives several Cookie headers, which HTTP/2 may send (RFC 9113, 8.2.3), as an array. */
function withOneCookie(headers) {
  return typeof headers.cookie === 'string' ? headers : { ...headers, cookie: headers.cookie.join('; ') };
}

/**
 * Closes a connection whose peer was refused: Pipy only stops sending after a handshake that failed here, and a peer
 * that is Pipy too waits for more. Not at once, because the handshake is still on the stack.
 */
export function hangUp(outbound) {
  new Timeout(0).wait().then(() => outbound.close());
}

/**
 * Exits with a code. While the first script is being loaded Pipy forgets the code, so this waits a moment. Every few
 * times Pipy hangs when it exits: whoever supervises it must not wait for ever.
 */
export function exitWith(code) {
  new Timeout(0.01).wait().then(() => pipy.exit(code));
}

/**
 * What SIGINT does: `onDrain()` closes listeners, then open connections have some seconds, then the process is killed.
 * Pipy by itself would wait for idle connections without a bound, and every few times it hangs when it exits.
 */
export function onInterrupt(seconds, isQuiet, onDrain) {
  pipy.exit(() => {
    onDrain();
    return untilQuiet(seconds, isQuiet).then(() => os.kill(pipy.pid, 9));
  });
}

function untilQuiet(seconds, isQuiet) {
  return new Timeout(0.1).wait().then(() => (isQuiet() || seconds <= 0 ? true : untilQuiet(seconds - 0.1, isQuiet)));
}
