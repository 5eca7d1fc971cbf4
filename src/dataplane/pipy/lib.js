/**
 * What Pipy 1.5 gets wrong or leaves to scripts, in one place. Each has a line in the contract.
 */
import * as policy from '../policy/policy.js';
import { areNames, headMax, lengthOf, longLengthOf } from './framing.js';
import { restoreMethod } from './request-line.js';

/**
 * What a peer may send on a stream of HTTP/2 before it is told to go on (RFC 9113, 6.9.2): as much as can be. Pipy frees a stream
 * that ends while it owes that word, which it does from the half of it on, and goes on with it. But what settings add to the window
 * of an upload that has begun it adds twice, and resets the stream when that is beyond 2^31.
 */
export var windowMax = 1073741823;

/**
 * Options of `demuxHTTP`. Without `bufferSize` a response is collected whole before its first byte goes out, so
 * nothing streams; with 1 every body goes on as it comes, in chunks. Pipy 1.5.18 forgets `maxHeaderSize`: a line of
 * more than 16 KB ends the connection without an answer.
 */
export var serverOptions = { bufferSize: 1, maxHeaderSize: '32k', streamWindowSize: windowMax };

/** Largest request body, in bytes, that `muxHTTP` may collect: it sends nothing before it has the whole request. */
export var pooledBodyMax = 65536;

/** Options of `muxHTTP`; the buffer holds every body that goes this way, so `content-length` stays as it is. */
export var poolOptions = { bufferSize: 2 * pooledBodyMax, maxHeaderSize: '64k', maxIdle: 30 };

/** Options of `muxHTTP` for an app, which may close idle connections early: Node's HTTP server does after 5 seconds. */
export var appPoolOptions = { bufferSize: 2 * pooledBodyMax, maxHeaderSize: '64k', maxIdle: 3 };

/** Options of `muxHTTP` for HTTP/2. */
export var http2Options = { version: 2, maxIdle: 30, streamWindowSize: windowMax };

/** Streams at once on an HTTP/2 connection: what every server should allow (RFC 9113, 6.5.2). */
export var streamsMax = 100;

/** Whether a request is only a head, and its headers want nothing of a sidecar. */
export function isPlain(headers) {
  return (
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers.upgrade === undefined &&
    headers.expect === undefined &&
    headers['content-length '] === undefined
  );
}

/**
 * Why a request that is not plain must not be passed on, or null (RFC 9112, 6.1 to 6.3). Pipy takes every transfer coding
 * that begins with `chunked` for `chunked` and others for none, and reads lengths with atoi: what it and the app read
 * differently is how a request is smuggled.
 */
export function faultOf({ headers, protocol }) {
  var coding = headers['transfer-encoding'];
  var length = headers['content-length'];
  if (headers['content-length '] !== undefined) return spacedName;
  if (coding !== undefined && coding !== 'chunked') return 'The transfer coding is not chunked.';
  if (coding !== undefined && length !== undefined) return 'The request has a transfer coding and a length.';
  if (length !== undefined && !isLength(length, protocol)) return 'The content length is no number of bytes.';
  return null;
}

/** Over HTTP/2 (no protocol) a length may be any; over HTTP/1 a long one has become chunks. */
function isLength(text, protocol) {
  return lengthOf(text) >= 0 || (!protocol && longLengthOf(text) >= 0);
}

/** Why a request is refused whose body or upgrade is announced in letters that nobody writes, as in CONTENT-length. */
export var oddSpelling = 'A header that frames the message is spelled in a way that is not looked for.';

/** Why a request is refused with a header name that is none. */
export var spacedName = 'A header name holds a space, or what else no name may hold.';

/** Sets of header names that are remembered before all are forgotten, and the longest, in characters. */
var namesMax = 512;
var namesLengthMax = 1024;
var flaws = new Map();

/**
 * What is wrong with the names of a request's headers:
 *
 * - `spaced`: one is no name (RFC 9110, 5.1). Pipy takes `Content-Length : 5` for a header that it does not know and passes
 *   it on to an app that may know it, and so it does with a CR, and over HTTP/2 with more
 * - `claims`: see `removeClaims`
 * - `none`
 *
 * They are looked up by all of them at once, for clients repeat themselves. No name holds a colon, so no two sets look the
 * same; of HTTP/2, where Pipy lets one hold it, that has to be seen first.
 */
export function flawOf(head) {
  var keys = Object.keys(head.headers);
  var names = keys.join(':');
  if (!head.protocol && names.split(':').length !== keys.length) return 'spaced';
  return flaws.get(names) || learn(names, head.headers);
}

function learn(names, headers) {
  if (flaws.size >= namesMax) flaws.clear();
  var flaw = !areNames(names) ? 'spaced' : claims.some(name => headers[name] !== undefined) ? 'claims' : 'none';
  if (names.length <= namesLengthMax) flaws.set(names, flaw);
  return flaw;
}

/** What only a proxy may say about a caller, and what concerns one connection (RFC 9110, 7.6.1). */
var claims = [
  'serviceidentity',
  'x-forwarded-client-cert',
  'fsm-stats-namespace',
  'fsm-stats-kind',
  'fsm-stats-name',
  'fsm-stats-pod',
  'keep-alive',
  'proxy-connection'
];

/** Takes away what a client may not say. */
export function removeClaims(headers) {
  claims.forEach(name => {
    delete headers[name];
  });
}

/**
 * Whether a request asks for a WebSocket. Pipy, which makes a tunnel of it, knows it by these letters only: in others, which
 * RFC 9110 (7.8) allows, it would take for requests what the client says after the 101.
 */
export function isWebSocket(headers) {
  return headers.upgrade === 'websocket';
}

/** Pipy drops `connection`, without which an upgrade is none (RFC 9110, 7.8). */
export function restoreUpgrade(head) {
  if (head.headers.upgrade !== undefined) head.headers.connection = 'Upgrade';
}

/**
 * Lets an answer without a body say the length that its app gave it, or none: Pipy gives it one of 0 (RFC 9110, 8.6). What
 * answers a HEAD has its length passed on, in the place and spelling of whose value it has; so where there is none another
 * header stands there, the date if there is no other: one that passes an answer on adds that (RFC 9110, 6.6.1).
 */
export function keepLength(request, head) {
  request.method = 'HEAD';
  var headers = head.headers;
  if (headers['content-length'] !== undefined) return;
  var other = Object.keys(headers).find(each => typeof headers[each] === 'string' && !ownNames.includes(each));
  var name = other || 'date';
  var names = head.headerNames || {};
  headers['content-length'] = other ? headers[other] : new Date().toUTCString();
  names['content-length'] = names[name] || name;
  head.headerNames = names;
  delete headers[name];
}

/** Headers that Pipy writes by itself, or reads. */
var ownNames = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade'];

/** What is answered to a request of HTTP/2 whose headers are too long. */
export var tooLong = { status: 431, reason: 'malformed', detail: `The headers have over ${headMax} bytes.` };

/**
 * Whether a head of HTTP/2 is too long. It is looked at when it could be: many bytes came, or it has several cookies, which
 * a few bytes can repeat without end (RFC 7541, 6.1).
 */
export function isTooLong(client, headers) {
  var came = client.sinceHead;
  client.sinceHead = 0;
  if (came <= headMax && typeof headers.cookie !== 'object') return false;
  return Object.keys(headers).reduce((sum, name) => sum + name.length + lengthOfValue(headers[name]), 0) > headMax;
}

function lengthOfValue(value) {
  return typeof value === 'string' ? value.length : value.reduce((sum, each) => sum + each.length, 0);
}

/** Other forms of a target than a path, and methods that Pipy does not know (requests.js). */
export function toPlainForm(head) {
  if (head.path.charAt(0) === '#') restoreMethod(head);
  if (head.path.charAt(0) !== '/') toOriginForm(head);
}

/** Turns an absolute-form target into origin form: its authority replaces Host (RFC 9112, 3.2.2). */
function toOriginForm(head) {
  var scheme = head.path.indexOf('://');
  if (scheme < 0 || !isHTTP(head.path.substring(0, scheme).toLowerCase())) return;
  var rest = head.path.substring(scheme + 3);
  var end = ['/', '?', '#']
    .map(char => rest.indexOf(char))
    .filter(at => at >= 0)
    .reduce((a, b) => (a < b ? a : b), rest.length);
  var path = rest.substring(end);
  head.headers.host = rest.substring(0, end);
  head.path = path.startsWith('/') ? path : `/${path}`;
}

function isHTTP(scheme) {
  return scheme === 'http' || scheme === 'https';
}

/** A request as the policy reads it: the path is without the query. */
export function describe(head) {
  var headers = head.headers;
  return {
    method: head.method,
    path: policy.pathOf(head.path),
    host: headers.host || head.authority || '',
    headers: headers.cookie === undefined ? headers : withOneCookie(headers)
  };
}

/** Pipy gives several Cookie headers, which HTTP/2 may send (RFC 9113, 8.2.3), as an array. */
function withOneCookie(headers) {
  return typeof headers.cookie === 'string' ? headers : { ...headers, cookie: headers.cookie.join('; ') };
}

/**
 * Closes a connection upstream, `{ outbound }`, also one that is still being made: Pipy ends none that a request has
 * left, and after a handshake that failed here it only stops sending. Not at once, because what calls this is often
 * called by that connection.
 */
export function hangUp(place) {
  place.unwanted = true;
  new Timeout(0).wait().then(() => end(place));
}

/** Ends the connection of a place, once: Pipy would keep the event of a second end for ever. */
export function end(place) {
  if (place.outbound !== null && place.outbound.state !== 'closed') place.outbound.close();
}

/**
 * Ends the process with the signal that asks for a new enrolment (driver.ts): every few times Pipy hangs at its exit,
 * and while the first script is being loaded it forgets the exit code.
 */
export function leaveToEnrol() {
  new Timeout(0.01).wait().then(() => os.kill(pipy.pid, 10));
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
