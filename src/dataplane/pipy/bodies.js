/** Bodies of requests over HTTP/1.1 that flow, and what becomes of one whose answer comes before its end. */
import { giveUp, isAwaited } from './connection.js';
import { hangUp } from './lib.js';

/** What of a piece of the body goes on. */
export function framed(place, data) {
  if (data.size > 0) place.isBegun = true;
  if (place.isWhole) {
    place.dropped += data.size;
    return undefined;
  }
  if (!place.isChunked) return data;
  return data.size === 0 ? undefined : [new Data(`${data.size.toString(16)}\r\n`), data, new Data('\r\n')];
}

/** All of the body has come. What ends it upstream. */
export function sent(place) {
  place.isSent = true;
  if (place.isWhole) {
    hangUp(place);
    return undefined;
  }
  return place.isChunked ? new Data('0\r\n\r\n') : undefined;
}

/** Seconds in which something of a body has to come that nobody wants any more. */
var restMax = 1;

/**
 * For a request whose answer has come: what is left of its body goes nowhere. An upstream that reads no more holds the client up,
 * whatever Pipy is told, so its connection is the last of the client's then.
 */
export function dropRest(place) {
  if (place.isSent || place.client.reader !== null) return hangUp(place);
  var { dropped } = place;
  new Timeout(restMax).wait().then(() => {
    var goesOn = place.dropped !== dropped || isAwaited(place.client, place);
    if (!place.isSent && goesOn) return dropRest(place);
    hangUp(place);
    if (!place.isSent) giveUp(place.client);
  });
}
