/**
 * Lines of the contract that Pipy itself cannot hold: title → why. What the shell's own scripts get wrong does not
 * belong here. Each has a row in docs/compatibility.md that says what a user sees.
 */

/** Interim answers over HTTP/2: a 502 for the call, at once. */
const interimOverHTTP2 = Object.fromEntries(
  ['100 before it', '102 before it', '103 before it', '199 before it', '103 twice'].map(what => [
    `frames of an app of HTTP/2 cost at most one answer: ${what}`,
    'Pipy takes the first head of a stream for the answer: 502',
  ]),
);

/** Wherever Pipy is. */
const everywhere: Readonly<Record<string, string>> = {
  'repeated headers stay apart and in order': 'Pipy keeps only the last of repeated headers, except cookies',
  'a content-length stays one, so that clients see progress': 'Pipy drops the length of a body that it streams',
  'trailers go both ways': 'Pipy passes trailers on over HTTP/2 only',
  'a cancelled call is cancelled at the app':
    'Pipy ends the upstream stream in good order when a client resets its own',
  'a response that the app breaks off does not look complete':
    'Pipy does not tell a reset stream from one that has ended; gRPC calls have a status, and are told apart by it',
  'every header of an interim answer arrives':
    'Pipy takes an interim answer for the final one: none but 100 is passed on',
  ...interimOverHTTP2,
  'a request is refused: a bare CR': 'Pipy ends a header at a bare CR and passes on what it has read',
  'a request is refused: two Hosts': 'Pipy keeps the last of repeated headers, and passes on one Host',
  'what stands twice arrives twice over HTTP/2': 'Pipy keeps only the last of repeated headers, except cookies',
  'a rule for a header that came twice compares both': 'Pipy keeps only the last of repeated headers, except cookies',
  'bytes above 127 of trailers stay what they are, both ways': 'Pipy passes trailers on over HTTP/2 only',
};

/** Where the app's sidecar is Pipy: what an app says that Pipy cannot tell from something else. */
const ofApps: Readonly<Record<string, string>> = {
  'frames of an app of HTTP/2 cost at most one answer: no status': 'Pipy takes an answer without a status for a 200',
  'an answer that cannot be read ends in an error: two lengths': 'Pipy keeps the last of repeated headers',
  'an answer that cannot be read ends in an error: two codings': 'Pipy keeps the last of repeated headers',
  'an answer that cannot be read ends in an error: a length with a sign': 'Pipy reads +2 as 2',
};

const cutOff = 'Pipy does not tell a reset stream from one that has ended';

/** Parts of an answer of HTTP/2, from an app or from another sidecar. */
const cutAnswers = behindGoaway({
  'a head, and a reset with NO_ERROR': cutOff,
  'a part, and a reset with NO_ERROR': cutOff,
  'a part, and a reset with CANCEL': cutOff,
  'a part, and an end of the connection': cutOff,
  'a part, a GOAWAY, and an end of the connection': cutOff,
});

function behindGoaway(whys: Readonly<Record<string, string>>): Record<string, string> {
  const line = 'no answer, or a part of one, is an error at once: ';
  return Object.fromEntries(
    Object.entries(whys).flatMap(([what, why]) => [
      [`${line}${what}`, why],
      [`${line}GOAWAY, and ${what}`, why],
    ]),
  );
}

/** Faults that are open: nobody has shown yet that a script cannot mend them. docs/compatibility.md has them apart. */
const open = {
  ...named(
    'what came before is answered: ',
    [
      'a header without a colon',
      'a method that nobody knows',
      'more than the length of a body',
      'two Hosts',
      'a request behind Connection: close',
      'a request behind one of HTTP/1.0',
    ],
    'open: what is pipelined before a request that is refused, or before the end, may get no answer',
  ),
  ...named(
    'a wrong answer does not spoil those of other GETs: ',
    [
      'a body to HEAD',
      'a head in capitals',
      'a body before its head',
      'a head that cannot be decoded',
      'a head that cannot be decoded, and a body',
      'a frame that is too large',
      'an error of the connection',
    ],
    'open: calls on a connection of HTTP/2 that the app breaks get 502, or wait for their time-out',
  ),
  'a GET that is answered wrongly is asked for twice at most, a POST once':
    'open: a call whose app breaks the protocol of HTTP/2 may wait for its time-out',
  'a body that its client breaks off does not look whole to the app': cutOff,
};

function named(line: string, whats: readonly string[], why: string): Record<string, string> {
  return Object.fromEntries(whats.map(what => [`${line}${what}`, why]));
}

/** Where the app's sidecar is Pipy. */
const openAtApps = behindGoaway({
  'a body before its head': 'open: a call whose app breaks the protocol of HTTP/2 may wait for its time-out',
  'a part that is shorter than its length': cutOff,
  'no status': 'Pipy takes an answer without a status for a 200',
});

/** Where both sides are Pipy. */
export const pipySkips: Readonly<Record<string, string>> = {
  ...everywhere,
  ...ofApps,
  ...cutAnswers,
  ...open,
  ...openAtApps,
};

/** Where only one side is Pipy. */
export const mixedSkips: Readonly<Record<string, string>> = {
  ...everywhere,
  ...cutAnswers,
  ...open,
  'CONNECT carries TCP, and an end in one direction leaves the other open':
    'Pipy stops sending when the other side says by TLS that it has said all; Pipy itself does not say so',
  'the end of the app’s direction leaves the client’s open':
    'Pipy stops sending when the other side says by TLS that it has said all; Pipy itself does not say so',
};

/** Where only the server's side is Pipy: the Node shell cancels a call, which Pipy takes for its end. */
export const serverSkips: Readonly<Record<string, string>> = {
  ...mixedSkips,
  ...ofApps,
  ...openAtApps,
  'calls of a client that goes away end at the app': 'Pipy does not tell a reset stream from one that has ended',
};
