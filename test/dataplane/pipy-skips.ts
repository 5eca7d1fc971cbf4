/**
 * Lines of the contract that Pipy itself cannot hold: title → why. What the shell's own scripts get wrong does not
 * belong here. Each has a row in docs/compatibility.md that says what a user sees.
 */

/** Wherever Pipy is. */
const everywhere: Readonly<Record<string, string>> = {
  'repeated headers stay apart and in order': 'Pipy keeps only the last of repeated headers, except cookies',
  'a content-length stays one, so that clients see progress': 'Pipy drops the length of a body that it streams',
  'trailers go both ways': 'Pipy passes trailers on over HTTP/2 only',
  'the head of an answer arrives before its body':
    'Pipy writes the head of an answer of HTTP/1.1 with two bytes of its body',
  'every header of an interim answer arrives': 'Pipy has one head for an answer: of interim ones only 100 is passed on',
  'a request is refused: a bare CR': 'Pipy ends a header at a bare CR and passes on what it has read',
  'a request is refused: two Hosts': 'Pipy keeps the last of repeated headers, and passes on one Host',
  'what stands twice arrives twice over HTTP/2': 'Pipy keeps only the last of repeated headers, except cookies',
  'a rule for a header that came twice compares both': 'Pipy keeps only the last of repeated headers, except cookies',
  'bytes above 127 of trailers stay what they are, both ways': 'Pipy passes trailers on over HTTP/2 only',
};

const rest = 'Pipy frees a connection with its request, so what is left of that would hold it up';
const early = 'Pipy closes a connection that it cannot write to, with what is to be read';

/** Where the client's sidecar is Pipy. */
const ofClients: Readonly<Record<string, string>> = {
  'a cancelled call is cancelled at the app': 'Pipy has no event for a reset behind a whole request',
  'an app that has answered gets the rest: a length': rest,
  'an app that has answered gets the rest: chunks': rest,
  'what an app breaks off looks whole to no client of HTTP/1.0': 'Pipy ends a connection in good order only',
  'a body that its client breaks off does not look whole to the app: no error':
    'Pipy has no event for a reset behind a whole request',
  'a body that its client breaks off does not look whole to the app: cancelled':
    'Pipy has no event for a reset behind a whole request',
};

/** Where the app's sidecar is Pipy: what an app says that Pipy cannot tell from something else. */
const ofApps: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['a header', 'a header, in capitals, and a close', 'a header, and to keep the connection'].map(name => [
      `what an answer says for one connection goes no further: ${name}`,
      'Pipy keeps to itself what Connection says',
    ]),
  ),
  'who says all first hears an app that answers and breaks off: a length': early,
  'who says all first hears an app that answers and breaks off: chunks': early,
  'an answer that cannot be read ends in an error: two lengths': 'Pipy keeps the last of repeated headers',
  'an answer that cannot be read ends in an error: two codings': 'Pipy keeps the last of repeated headers',
  'an answer that cannot be read ends in an error: another coding, and chunked':
    'Pipy keeps the last of repeated headers',
};

/** Where both sides are Pipy. */
export const pipySkips: Readonly<Record<string, string>> = { ...everywhere, ...ofClients, ...ofApps };

/** Where only one side is Pipy. */
export const mixedSkips: Readonly<Record<string, string>> = {
  ...everywhere,
  ...ofClients,
  'CONNECT carries TCP, and an end in one direction leaves the other open':
    'Pipy stops sending when the other side says by TLS that it has said all; Pipy itself does not say so',
  'the end of the app’s direction leaves the client’s open':
    'Pipy stops sending when the other side says by TLS that it has said all; Pipy itself does not say so',
};

/** Where only the server's side is Pipy. */
export const serverSkips: Readonly<Record<string, string>> = { ...mixedSkips, ...ofApps };
