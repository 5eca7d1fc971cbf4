/**
 * Lines of the contract that Pipy itself cannot hold: title → why. What the shell's own scripts get wrong does not
 * belong here.
 */
export const pipySkips: Readonly<Record<string, string>> = {
  'repeated headers stay apart and in order': 'Pipy keeps only the last of repeated headers, except cookies',
  'a content-length stays one, so that clients see progress': 'Pipy drops the length of a body that it streams',
  'trailers go both ways': 'Pipy passes trailers on over HTTP/2 only',
  'a cancelled call is cancelled at the app':
    'Pipy ends the upstream stream in good order when a client resets its own',
  'a response that the app breaks off does not look complete':
    'Pipy does not tell a reset stream from one that has ended; gRPC calls have a status, and are told apart by it',
  'headers that Connection names do not cross the sidecar': 'Pipy takes Connection away before a script sees it',
  'a request is refused: a bare CR': 'Pipy ends a header at a bare CR and passes on what it has read',
  'a request is refused: two Hosts': 'Pipy keeps the last of repeated headers, and passes on one Host',
  'what stands twice arrives twice over HTTP/2': 'Pipy keeps only the last of repeated headers, except cookies',
  'a rule for a header that came twice compares both': 'Pipy keeps only the last of repeated headers, except cookies',
  'bytes above 127 of trailers stay what they are, both ways': 'Pipy passes trailers on over HTTP/2 only',
};

/** Where only one side is Pipy. */
export const mixedSkips: Readonly<Record<string, string>> = {
  ...pipySkips,
  'CONNECT carries TCP, and an end in one direction leaves the other open':
    'Pipy stops sending when the other side says by TLS that it has said all; Pipy itself does not say so',
  'the end of the app’s direction leaves the client’s open':
    'Pipy stops sending when the other side says by TLS that it has said all; Pipy itself does not say so',
};

/** Where only the server's side is Pipy: the Node shell cancels a call, which Pipy takes for its end. */
export const serverSkips: Readonly<Record<string, string>> = {
  ...mixedSkips,
  'calls of a client that goes away end at the app': 'Pipy does not tell a reset stream from one that has ended',
};
