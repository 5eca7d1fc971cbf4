/**
 * The HTTP side of a client's connection: what Pipy's `demuxHTTP` does not do by itself. A request that cannot be read
 * is answered, a response that was cut short breaks the connection, a client that leaves ends its requests upstream,
 * and a tunnel stays open in one direction when the other has ended.
 */
import { farewellOf, headOf, linesOf } from './framing.js';
import { http2 } from './http2-on-demand.js';
import { hangUp, serverOptions } from './lib.js';
import { aHead, countUnusual, unusual } from './requests.js';

/** Connections that clients have open, of any kind. */
var open = 0;

/** For `onStart` of a connection of any kind. */
export function countOpen() {
  open++;
}

/** For `onEnd` of a connection of any kind. */
export function countClosed() {
  open--;
}

/** Whether no client is connected. */
export function isQuiet() {
  return open === 0;
}

/**
 * A client's connection, one object for all its requests:
 *
 * - `reading`: what comes next in HTTP/1 (requests.js); `left` bytes of it, `chunks` for a body of those, `partial`: bytes
 *   that wait for the rest of a head, or for a tunnel; `waits`: its newest request says Expect; `isUnread`: a head went to Pipy and has not come out
 * - `reader`: how far HTTP/2 is read (streams.js), null in HTTP/1; `sinceHead`: bytes that came since a head did; `cuts`:
 *   resets that Pipy will write as ends; `ended`: streams that have ended before their requests had, null while there were none
 * - `text`: its newest head, when that was plain; `isKnown`: the head at hand is the same once more, byte for byte
 * - `shape`, `shapeSize`: of the fields of the head at hand, empty when they are not to be kept; `plainShape`, `framedShape`,
 *   `framedSize`: those that were sound; `isShaped`: the head at hand has one of these; `heads`: how many came in the read
 * - `known`: what the policy says of every request of it, as long as `tables` are in force (and `host` stays the same)
 * - `isUnusual`: it is counted as one whose answers may be rewritten
 * - `isOld`: it speaks HTTP/1.0, and takes no chunks; `isChunking`: an answer comes in some, which go out without;
 *   `isSaid`: that was its last; `isCutting`: an answer was cut short, which breaks the connection when its turn comes
 * - `place`, `more`: where its newest request is upstream, and those before it that wait for an answer; `calls`: the same of
 *   requests of HTTP/1 that go to apps of HTTP/2
 * - `ending`: what comes after the request at hand is not looked at; `isLast`: its answer is the connection's last; `isFinal`:
 *   its client says so; `isLeaving`: that waits for the answers before it
 * - `farewell`: what is still said before the connection ends
 * - `gone`: nobody is there to answer
 * - `close(events)`: lets the connection end with these, past all that waits
 * - `tunnel`, `tunnelEnded`: it carries a tunnel, whose far end has said all
 *
 * A side keeps it in a variable of its own (`$client`), which Pipy lets no module export.
 */
export function newClient() {
  return {
    reading: aHead,
    left: 0,
    waits: false,
    chunks: null,
    partial: null,
    isUnread: false,
    reader: null,
    sinceHead: 0,
    cuts: 0,
    ended: null,
    text: null,
    isKnown: false,
    shape: '',
    shapeSize: 0,
    plainShape: '',
    framedShape: '',
    framedSize: 0,
    isShaped: false,
    heads: 0,
    isUnusual: false,
    isOld: false,
    isChunking: false,
    isSaid: false,
    isCutting: false,
    tables: null,
    host: null,
    known: null,
    place: null,
    more: [],
    calls: [],
    ending: false,
    isLast: false,
    isFinal: false,
    isLeaving: false,
    farewell: '',
    gone: false,
    close: null,
    tunnel: false,
    tunnelEnded: false
  };
}

/**
 * The filters that serve HTTP, for the end of a chain. `client()` is the connection at hand, `route(start)` gives the
 * layout of a request. `incoming(data)` reads ahead (requests.js), `outgoing(data)` is what `rewritten` makes of an answer;
 * they stand where the variable is, for they see every read and write.
 */
export function serve($, client, incoming, outgoing, route) {
  return $.handleStreamEnd(() => left(client()))
    .replaceData(incoming)
    .demuxHTTP(serverOptions)
    .to($ => $.pipe(route))
    .replaceData(outgoing)
    .insert(() => closing(client()))
    .replaceStreamEnd(eos => end(client(), eos));
}

/** Bytes of an answer over HTTP/2 that go out as they are: no header block in them can be too long for a peer. */
var smallMax = 8192;

/** What goes out in place of some bytes of an answer, where some client is unusual: one of HTTP/1.0 takes no chunks. */
export function rewritten(client, data) {
  if (client.isSaid) return undefined;
  if (client.isLeaving && !isAwaited(client, null)) leaveAfter(client);
  if (client.isCutting && isMarked(data)) return reset(client);
  if (client.isOld) return unchunked(client, data);
  var bytes = client.cuts > 0 ? http2().withResets(data, client, null) : data;
  if (client.ended !== null) bytes = http2().withoutSecondEnds(bytes, client.ended, client.reader.received);
  return bytes.size > smallMax && client.reader !== null ? http2().joinHeaders(bytes) : bytes;
}

/** Pipy writes a head at once, then each chunk at once; for the end of the last one the connection ends (RFC 9112, 6.3). */
function unchunked(client, data) {
  if (!client.isChunking) return unchunkedHead(client, data);
  if (data.size === 5) {
    client.isSaid = true;
    client.ending = true;
    return new StreamEnd();
  }
  data.shiftTo(byte => byte === 10);
  data.pop(2);
  return data;
}

/** A body that does not come in chunks has one byte at most: Pipy gives no others a length. */
function unchunkedHead(client, data) {
  if (data.size === 1) return data;
  var lines = linesOf(data);
  var kept = lines.filter(line => line !== 'transfer-encoding: chunked');
  client.isChunking = kept.length < lines.length;
  if (!client.isChunking) return headOf(lines);
  return headOf(kept.map(line => (line === 'connection: keep-alive' ? 'connection: close' : line)));
}

/** For `insert` into what goes out: nothing, until somebody closes the connection. */
function closing(client) {
  if (client.gone) return new StreamEnd('ConnectionReset');
  return new Promise(resolve => {
    client.close = resolve;
  });
}

/**
 * Breaks the connection off in the middle of a response, so that the client cannot take a part for the whole: Pipy would
 * end it in order. Returns what the response emits instead of its end. Answers before it go out first: the connection breaks
 * where the mark would go out.
 */
export function breakOff(client) {
  client.ending = true;
  client.isCutting = true;
  countUnusual(client);
  if (isAwaited(client, null)) return new Data(cutMark);
  client.gone = true;
  if (client.close === null) return new Data(cutMark);
  client.close(new StreamEnd('ConnectionReset'));
  return undefined;
}

/** Ends a connection of which nothing is read any more: its client would wait to say the rest. */
export function giveUp(client) {
  client.ending = true;
  client.gone = true;
  if (client.close !== null) client.close(new StreamEnd('ConnectionReset'));
}

/** Stands in a response where that was cut short, as a chunk. */
var cutMark = 'this answer was cut short';
var markedMax = 64;

function isMarked(data) {
  return data.size < markedMax && `${data.toString()}`.includes(cutMark);
}

function reset(client) {
  client.isSaid = true;
  client.gone = true;
  return new StreamEnd('ConnectionReset');
}

/** Ends the connection when the answer at hand has gone out, and those before it; what comes until then is not looked at. */
export function endAfterAnswer(client) {
  client.ending = true;
  new Timeout(0).wait().then(() => {
    client.isLeaving = isAwaited(client, null);
    if (client.isLeaving) countUnusual(client);
    else closeOf(client);
  });
}

function closeOf(client) {
  if (client.close !== null) client.close(new StreamEnd());
}

/** For a write behind which nothing more comes. */
function leaveAfter(client) {
  client.isLeaving = false;
  new Timeout(0).wait().then(() => closeOf(client));
}

/** For the end of what comes in: the client has said all, or its connection broke, and its requests end with it. */
function left(client) {
  if (client.tunnel || client.farewell !== '') return;
  client.gone = true;
  abandon(client);
  closeOf(client);
}

/**
 * For the end of what goes out. Pipy ends a tunnel when its client has said all, or with its 200 when the CONNECT said
 * `connection: close`; and it says nothing to a client whose request it cannot read.
 */
function end(client, eos) {
  if (client.tunnel) return client.tunnelEnded ? eos : undefined;
  if (client.farewell === '' && isUnreadable(client))
    sayFarewell(client, '400 Bad Request', 'malformed: This is no HTTP request.\n');
  if (client.farewell === '') return eos;
  var text = client.farewell;
  client.farewell = '';
  return [new Data(text), new StreamEnd()];
}

/** Pipy ends a connection whose head it cannot read. */
function isUnreadable(client) {
  return client.isUnread && !client.gone && !client.ending;
}

/** For `onEnd` of a client's connection. */
export function finish(client) {
  if (client.isUnusual) unusual.clients--;
  abandon(client);
  client.close = null;
}

/** What waits upstream for an answer to this client waits for nobody, and Pipy would let it. */
function abandon(client) {
  client.more.forEach(leave);
  if (client.place !== null) leave(client.place);
  client.more = [];
  client.calls = [];
  client.place = null;
}

/** A place whose answer was whole is for others, unless its connection was for one request only. */
export function leave(place) {
  if (place.isWhole && !place.isAlone) place.upstream.free.push(place);
  else hangUp(place);
}

/** Whether a request over HTTP/1 waits for its answer, other than that which has this place. */
export function isAwaited(client, place) {
  var waits = each => each !== null && each !== place && !each.isWhole;
  return waits(client.place) || client.more.some(waits) || client.calls.some(waits);
}

/** Lets the connection end after the answers before it, with a last one of this status. See `ended`. */
export function sayFarewell(client, status, text) {
  client.ending = true;
  client.farewell = farewellOf(status, text);
}

/** What a request emits whose answer is the connection's farewell: an end without a beginning. */
export var ended = pipeline($ =>
  $.replaceData(() => undefined)
    .replaceMessageEnd(() => undefined)
    .replaceMessageStart(() => new StreamEnd())
);
