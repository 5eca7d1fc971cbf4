/** A connection of HTTP/2 upstream: what goes over it, for its place. */
import {
  endsIn,
  joinHeaders,
  pushResets,
  refusedStream,
  withEnds,
  withoutSecondEnds,
  withoutTable,
  withResets
} from './frames.js';
import { hangUp } from './lib.js';
import { drain, retire } from './places.js';
import { newReader, readFrames } from './streams.js';

/** Bytes of a write over HTTP/2, below which no header block can be too long for a peer. */
var joinedMin = 8192;

/** Bytes of a write over HTTP/2 in which heads are looked for; longer ones are bodies. */
var lookedMax = 2048;

/** A connection of HTTP/2 begins with a call, which has the first stream. */
export function beginSession(place) {
  place.reader = newReader(true);
  place.isFresh = true;
  place.isClosed = false;
  place.ended = new Set();
  place.cuts = 0;
  place.before = place.opened - 1;
}

/** What we say over HTTP/2. Only a long write can hold a header block that has to be joined. */
export function said(place, data) {
  var bytes = data;
  if (place.isFresh) {
    place.isFresh = false;
    bytes = withoutTable(bytes);
  }
  if (place.cuts > 0) bytes = withResets(bytes, place, place.reader);
  if (place.ended.size > 0) bytes = withoutSecondEnds(bytes, place.ended, null);
  if (place.unsaid.size > 0) noteEnds(place, bytes);
  if (bytes.size > joinedMin) return joinHeaders(bytes);
  return bytes.size > lookedMax ? bytes : withEnds(bytes);
}

/** For calls whose requests end with what is being said. */
function noteEnds(place, bytes) {
  endsIn(bytes).forEach(stream => {
    place.unsaid.delete(place.before + (stream + 1) / 2);
  });
}

/** What the upstream says. */
export function heard(place, data) {
  place.isUsed = true;
  var reader = place.reader;
  var events = readFrames(reader, data);
  if (reader.leavingAt >= 0) events = leave(place, events);
  if (place.reader.isUnreadable && !place.unreadable) {
    place.unreadable = true;
    retire(place);
    hangUp(place);
  }
  return events;
}

/** Adds resets for the streams that get no answer from a server that leaves. */
function leave(place, events) {
  var resets = new Data();
  pushResets(resets, drain(place, place.reader.leavingAt), refusedStream);
  place.reader.leavingAt = -1;
  return (events === undefined ? [] : [].concat(events)).concat(resets);
}
