/**
 * The HTTP side of a client's connection: what Pipy's `demuxHTTP` does not do by itself. A request that cannot be read
 * is answered, a response that was cut short breaks the connection, a client that leaves ends its requests upstream,
 * and a tunnel stays open in one direction when the other has ended.
 */
import { hangUp, headMax, serverOptions } from './lib.js';

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

/** Bytes of a line of a head, after which Pipy gives up. */
var lineMax = 16384;

/**
 * A client's connection, one object for all its requests:
 *
 * - `budget`: bytes that may come before the next head has to be read; as many as `headMax` when none came since the
 *   last one, without a bound when no other comes: in a tunnel. `hasBody`: the bytes may be of a body
 * - `known`: what the policy says of every request of it, as long as `tables` are in force (and `host` stays the same)
 * - `place`, `more`: where its newest request is upstream, and those before it that wait for an answer
 * - `ending`: what comes after the request at hand is not looked at
 * - `farewell`: what is still said before the connection ends
 * - `gone`: nobody is there to answer
 * - `close(events)`: lets the connection end with these, past all that waits
 * - `tunnel`, `tunnelEnded`: it carries a tunnel, whose far end has said all
 *
 * A side keeps it in a variable of its own (`$client`), which Pipy lets no module export.
 */
export function newClient() {
  return {
    budget: headMax,
    hasBody: false,
    tables: null,
    host: null,
    known: null,
    place: null,
    more: [],
    ending: false,
    farewell: '',
    gone: false,
    close: null,
    tunnel: false,
    tunnelEnded: false
  };
}

/**
 * The filters that serve HTTP, for the end of a chain. `client()` is the connection at hand, `route(start)` gives the
 * layout of a request. `incoming(data)` counts the budget down; it stands where the variable is, for it sees every read.
 */
export function serve($, client, incoming, route) {
  return $.handleStreamEnd(() => left(client()))
    .replaceData(incoming)
    .demuxHTTP(serverOptions)
    .to($ => $.pipe(route))
    .insert(() => closing(client()))
    .replaceStreamEnd(eos => end(client(), eos));
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
 * end it in order. Returns what the response emits instead of its end: when nothing has gone out so far, something has
 * to for `closing` to be asked, and then goes nowhere.
 */
export function breakOff(client) {
  client.gone = true;
  if (client.close === null) return new Data('..');
  client.close(new StreamEnd('ConnectionReset'));
  return undefined;
}

/** For data that exceeds the budget: a head without an end is as good as none. */
export function overflow(client) {
  if (client.ending) return undefined;
  sayFarewell(client, '431 Request Header Fields Too Large', 'malformed: The head has no end.\n');
  return new StreamEnd();
}

/** For the end of what comes in: the client has said all, or its connection broke, and its requests end with it. */
function left(client) {
  if (client.tunnel || client.farewell !== '') return;
  client.gone = true;
  abandon(client);
  if (client.close !== null) client.close(new StreamEnd());
}

/**
 * For the end of what goes out. Pipy ends a tunnel when its client has said all, or with its 200 when the CONNECT said
 * `connection: close`; and it says nothing to a client whose request it cannot read.
 */
function end(client, eos) {
  if (client.tunnel) return client.tunnelEnded ? eos : undefined;
  if (client.farewell === '' && isUnreadable(client)) {
    if (headMax - client.budget > lineMax) sayFarewell(client, '431 Request Header Fields Too Large', tooLong);
    else sayFarewell(client, '400 Bad Request', 'malformed: This is no HTTP request.\n');
  }
  if (client.farewell === '') return eos;
  var text = client.farewell;
  client.farewell = '';
  return [new Data(text), new StreamEnd()];
}

var tooLong = `malformed: A line of the head has over ${lineMax} bytes.\n`;

/** Pipy ends a connection whose bytes it cannot read: they came after the last head, and are of no body. */
function isUnreadable(client) {
  return client.budget < headMax && !client.hasBody && !client.gone && !client.ending;
}

/** For `onEnd` too: what waits upstream for an answer to this client waits for nobody, and Pipy would let it. */
export function abandon(client) {
  client.more.forEach(leave);
  if (client.place !== null) leave(client.place);
  client.more = [];
  client.place = null;
}

/** A place whose answer was whole is for others, unless its connection was for one request only. */
export function leave(place) {
  if (place.isWhole && !place.isAlone) place.upstream.free.push(place);
  else hangUp(place);
}

/** Lets the connection end after the answers before it, with a last one of this status. See `ended`. */
export function sayFarewell(client, status, text) {
  var head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n`;
  client.ending = true;
  client.farewell = `${head}content-length: ${text.length}\r\n\r\n${text}`;
}

/** What a request emits whose answer is the connection's farewell: an end without a beginning. */
export var ended = pipeline($ =>
  $.replaceData(() => undefined)
    .replaceMessageEnd(() => undefined)
    .replaceMessageStart(() => new StreamEnd())
);
