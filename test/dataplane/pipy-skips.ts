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
};
