/** Upstreams, and places at them: a connection with the request that it serves. What can be said of one without acting. */
import { hangUp } from './lib.js';

/** A place to send to: `target` is `host:port`, `principal` who must answer there (empty: nobody is asked). */
export function newUpstream(target, principal) {
  return { target: target, principal: principal, peer: '', free: [], shards: [] };
}

/**
 * A place at an upstream.
 *
 * - `client`: the connection of the client that it serves
 * - `head`: of the answer, once it has begun; `length`: what its body's is said to be, when Pipy counts that right, of the
 *   newest answer that had one; `isWhole`: it is there to its end; `isInterimPassed`: an interim one goes on
 * - `received`: bytes of the answer that Pipy was given; `firstLine`, `fed`, `copy`, `rest`, `partial`, `chunks`, `isEnded`,
 *   `passes`: what has come of it, and what comes next (answers.js);
 *   `reader`: the same of a connection of HTTP/2 (streams.js)
 * - `asked`: the head of its request
 * - `outbound`: its connection, the kernel's `cookie` for it (liveness.js); `isUsed`: answers came on it; `error`: how it ended
 * - `isAlone`: no other request may use it; `unwanted`: it has to end
 * - `isRepeatable`: the request may be sent again (RFC 9110, 9.2.2); `isRetry`: it was, on another place before
 * - `request`: the head of its request, when its body flows; `isChunked`, `isSent`: the body comes in chunks; is there;
 *   `isBegun`: some of it is; `dropped`: bytes of it that came behind its answer
 * - `streams`, `opened`, `before`, `last`, `isDraining`, `isClosed`, `session`, `way`: of calls that share it (calls.js); `cuts`: resets that Pipy
 *   will write as ends; `ended`: streams that ended with trailers; `unsaid`: those of `opened` whose
 *   requests with a body are not all written; `isFresh`: nothing has been said over it
 * - `secured`, `onSecured`: the TLS handshake is done, and who waits for it
 */
export function newPlace(upstream) {
  return {
    upstream: upstream,
    client: null,
    head: null,
    length: '',
    isWhole: false,
    isInterimPassed: false,
    outbound: null,
    cookie: '',
    isWatched: false,
    isUsed: false,
    isRepeatable: false,
    isAlone: false,
    request: null,
    isChunked: false,
    isSent: false,
    isBegun: false,
    dropped: 0,
    error: '',
    received: 0,
    firstLine: '',
    fed: null,
    copy: null,
    rest: null,
    isEnded: false,
    reader: null,
    partial: null,
    chunks: null,
    passes: false,
    unreadable: false,
    asked: null,
    unwanted: false,
    isRetry: false,
    streams: 0,
    opened: 0,
    before: 0,
    last: Number.MAX_SAFE_INTEGER,
    cuts: 0,
    ended: null,
    unsaid: null,
    isFresh: false,
    isDraining: false,
    isClosed: false,
    session: null,
    way: null,
    secured: false,
    onSecured: null
  };
}

/** The stream of a call that came as the nth to its shard. A client's are odd and count up. */
export function streamOf(shard, nth) {
  return 2 * (nth - shard.before) - 1;
}

/** New calls take another connection. */
export function withdraw(shard) {
  shard.isDraining = true;
  shard.upstream.shards = shard.upstream.shards.filter(each => each !== shard);
}

/** The same, and its connection ends with the last call on it. */
export function retire(shard) {
  withdraw(shard);
  if (shard.streams > 0) return;
  if (shard.isClosed) forgetWay(shard);
  else hangUp(shard);
}

/** Its connection has ended. */
export function close(place) {
  place.isClosed = true;
  if (place.way !== null) retire(place);
}

/**
 * Pipy frees no shard that has its way, which has the shard: see `release`. While there is a connection, an answer to a
 * call that was given up still goes that way.
 */
function forgetWay(shard) {
  new Timeout(0).wait().then(() => {
    if (shard.isClosed && shard.streams === 0) shard.way = null;
  });
}

/**
 * For a connection whose server answers no stream after `last`, and ends it after those before: new calls take another one.
 * Gives the streams that get no answer.
 */
export function drain(shard, last) {
  retire(shard);
  shard.last = last;
  var refused = [];
  for (var stream = streamOf(shard, shard.opened); stream > last; stream = stream - 2) refused.push(stream);
  return refused;
}

/** What a client is told when no answer comes, by the error of Pipy that tells why (RFC 9110, 15.6.3 to 15.6.5). */
var failures = new Map([
  ['ConnectionRefused', { status: 503, reason: 'upstream-unreachable' }],
  ['CannotResolve', { status: 503, reason: 'upstream-unreachable' }],
  ['ConnectionTimeout', { status: 504, reason: 'upstream-silent' }],
  ['ReadTimeout', { status: 504, reason: 'upstream-silent' }],
  ['WriteTimeout', { status: 504, reason: 'upstream-silent' }],
  ['IdleTimeout', { status: 504, reason: 'upstream-silent' }]
]);
var closed = { status: 502, reason: 'upstream-closed' };
var unreadable = { status: 502, reason: 'upstream-malformed' };
var impostor = { status: 502, reason: 'upstream-identity' };

/** What a client is told when a connection has brought no answer: status, reason and detail. */
export function failureOf(place) {
  var { target, peer } = place.upstream;
  var told = place.unreadable ? unreadable : peer !== '' ? impostor : failures.get(place.error) || closed;
  var detail =
    peer || `${target} gave no answer (${place.unreadable ? 'it cannot be read' : place.error || 'closed'}).`;
  return { status: told.status, reason: told.reason, detail: detail };
}

/** The same when the upstream did not look at the request. */
export function refusalOf({ target }) {
  return { status: 503, reason: 'upstream-refused', detail: `${target} did not look at the call.` };
}

/** A response without a length lasts until its connection ends, in good order. */
export function isCut(place) {
  if (place.isEnded || place.asked.method === 'HEAD') return false;
  var headers = place.head.headers;
  var hasLength = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return hasLength || place.error !== '';
}

/** RFC 9112, 6.3. */
export function hasNoBody(place, { status }) {
  return status === 204 || status === 304 || place.asked.method === 'HEAD';
}

/** A client is told our own version (RFC 9112, 2.3). Whether the app keeps its connection Pipy does not tell. */
export function ofOldApp(place, head) {
  place.isAlone = true;
  head.protocol = 'HTTP/1.1';
}

/** A client that waits for a 100 may send its body after another answer, or the next request (RFC 9110, 10.1.1). */
export function isUnsent(place) {
  return !place.isBegun && !place.isSent && place.request !== null && place.request.headers.expect !== undefined;
}
