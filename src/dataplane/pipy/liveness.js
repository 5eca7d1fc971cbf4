/**
 * Connections upstream that ended without a word. When Pipy cannot write to one it closes it and tells nobody: who waits
 * for an answer would wait until it counts as idle. The kernel knows better, so it is asked about each of them in turn.
 */
import { end, hangUp } from './lib.js';
import { close } from './places.js';

/** So many each second, in turn: one costs about 5 µs. */
var [intervalSeconds, perLook] = [1, 1000];

/** `SOL_SOCKET` and `SO_COOKIE`: a number that no other socket has had since the machine was started (Linux 4.12). */
var [socketLevel, cookieOption] = [1, 57];

/** Places whose connection has not ended as far as one was told. */
var watched = [];

/** How long an upstream may be silent, in seconds. */
var idleTimeout = 60;

/** Says that, for new connections. */
export function setIdle(seconds) {
  idleTimeout = seconds;
}

/** For `connect`: the options of the connection of a place, in seconds. */
export function connectOptions(place) {
  return { connectTimeout: 5, idleTimeout: idleTimeout, onState: outbound => opened(place, outbound) };
}

function opened(place, outbound) {
  if (place.outbound !== outbound) {
    place.outbound = outbound;
    place.isUsed = false;
    place.received = 0;
    place.partial = null;
    if (place.unwanted) hangUp(place);
  }
  if (outbound.state === 'connected') watch(place);
  if (outbound.state !== 'closed') return;
  close(place);
  if (place.cookie === '') release(place);
}

/** A place, `{ outbound, cookie, isWatched }`, has a connection now. */
function watch(place) {
  place.cookie = cookieOf(place.outbound);
  if (place.cookie === '' || place.isWatched) return;
  place.isWatched = true;
  watched.push(place);
  if (watched.length === 1) lookLater();
}

/** Its connection has ended, and that was told. */
export function forget(place) {
  place.cookie = '';
  if (place.outbound !== null && place.outbound.state === 'closed') release(place);
}

/** Pipy frees nothing that hangs in a circle, as a connection does with a place that is told of its state. */
function release(place) {
  place.outbound = null;
}

function lookLater() {
  new Timeout(intervalSeconds).wait().then(() => {
    var looked = watched.slice(0, perLook);
    watched = watched.slice(perLook).concat(looked.filter(isThere));
    if (watched.length > 0) lookLater();
    looked.filter(place => !place.isWatched).forEach(tell);
  });
}

function isThere(place) {
  place.isWatched = place.cookie !== '' && cookieOf(place.outbound) === place.cookie;
  return place.isWatched;
}

/** Ends a connection that is gone for all to see, unless that was told. */
function tell(place) {
  if (place.cookie === '') return;
  place.cookie = '';
  end(place);
  release(place);
}

/** Empty when there is no socket, or the kernel cannot say. A file descriptor may be another socket's meanwhile. */
function cookieOf(outbound) {
  var cookie = new Data();
  return outbound.socket.getRawOption(socketLevel, cookieOption, cookie) === 0 ? cookie.toString('hex') : '';
}
