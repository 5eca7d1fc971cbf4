import { ended, sayFarewell } from './connection.js';
import { log } from './log.js';
import { isWaiting, noTunnel } from './requests.js';

/** Why the request or connection at hand is refused. */
var $refusal = null;

/** What HTTP/2 can leave out and must not (RFC 9113, 8.3.1). */
export var noPath = { status: 400, reason: 'malformed', detail: 'The request has no path.' };

/** What a client is told that gets no answer from an upstream: a status, and a line of text with reason and detail. */
export function answer(told) {
  var headers = { 'content-type': 'text/plain; charset=utf-8' };
  return new Message({ status: told.status, headers: headers }, `${told.reason}: ${told.detail}\n`);
}

/** Refuses a request: gives the layout that answers it. `fields` go into the log line. */
export function refuse(refusal, fields) {
  $refusal = refusal;
  var told = { status: refusal.status, reason: refusal.reason, detail: refusal.detail };
  log('warn', 'a request was refused', { ...fields, ...told });
  return refused;
}

/**
 * The same for a client's request. One that asked for a tunnel is the last that Pipy reads, and behind one whose body waits
 * nobody can tell what comes, so the connection ends with it.
 */
export function refuseRequest(client, refusal, fields) {
  client.text = null;
  if (client.reader !== null) return refuseStream(refusal, fields);
  noTunnel(client);
  if (!client.isLast && !isWaiting(client)) return refuse(refusal, fields);
  refuse(refusal, fields);
  sayFarewell(client, `${refusal.status} Refused`, `${refusal.reason}: ${refusal.detail}\n`);
  return ended;
}

/** Refuses a request that can be read in two ways, and with it what follows: the connection ends. */
export function refuseMalformed(client, detail, fields) {
  var told = { status: 400, reason: 'malformed', detail: detail };
  if (client.reader !== null) return refuseStream(told, fields);
  log('warn', 'a request was refused', { ...fields, ...told });
  sayFarewell(client, '400 Bad Request', `malformed: ${detail}\n`);
  return ended;
}

function refuseStream(refusal, fields) {
  refuse(refusal, fields);
  return refusedStream;
}

/** Refuses a connection: gives the layout that ends it. */
export function refuseConnection(refusal, fields) {
  log('warn', 'a connection was refused', { ...fields, reason: refusal.reason, detail: refusal.detail });
  return reset;
}

/** The answer goes out at once; what is left of the request is dropped. */
var refused = pipeline($ =>
  $.replaceData(() => undefined)
    .replaceMessageEnd(() => undefined)
    .replaceMessageStart(() => answer($refusal))
);

/** Seconds in which a request may end whose answer has come before. */
var earlyMax = 0.2;

/**
 * Over HTTP/2 the answer ends with the request, or when that takes long: some clients send all before they look, and others, once
 * they have looked and stopped, hear of an end only when something comes.
 */
var refusedStream = pipeline($ =>
  $.insert(() => new Timeout(earlyMax).wait().then(() => new MessageEnd()))
    .replaceData(() => undefined)
    .replaceMessageStart(() => {
      var { head, body } = answer($refusal);
      return [new MessageStart(head), body];
    })
    .replaceMessageEnd(() => new MessageEnd())
);

/** A request that nobody answers: what follows one that ended its connection. */
export var ignored = pipeline($ =>
  $.replaceData(() => undefined)
    .replaceMessageEnd(() => undefined)
    .replaceMessageStart(() => undefined)
);

var reset = pipeline($ =>
  $.replaceData(() => new StreamEnd('ConnectionReset')).replaceStreamStart(() => new StreamEnd('ConnectionReset'))
);
