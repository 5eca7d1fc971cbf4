/** Lines of the contract that the Pipy shell does not hold yet, though it could: to be mended, and to be empty. */

/** Title → reason, for the skips of a pair of shells. */
const skips = (titles: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(titles.map(title => [title, 'to be mended']));

/** Wherever one side is Pipy. */
const everywhere: readonly string[] = [
  'a request costs at most itself: Trailer and chunks',
  'an answer costs at most itself: 102',
  'an answer costs at most itself: 103 with two links',
  'an answer costs at most itself: 103 with links in one line',
  'an answer costs at most itself: 103 with crossorigin',
  'an answer costs at most itself: 103 with what is no link',
  'an answer costs at most itself: 103 twice',
  'an answer costs at most itself: 199, which nobody knows',
  'every header of an interim answer arrives',
  'an interim answer does not overtake the answer before it',
  'a 304 gains no length',
  'any token is a method: it is passed on, or refused in words',
  'frames of an app of HTTP/2 cost at most one answer: 103 and a reset',
  'frames of an app of HTTP/2 cost at most one answer: 101 before it',
  'frames of an app of HTTP/2 cost at most one answer: a reset before it',
  'frames of an app of HTTP/2 cost at most one answer: a refusal before it',
  'frames of an app of HTTP/2 cost at most one answer: an end of the connection before it',
  'frames of an app of HTTP/2 cost at most one answer: a body before it',
  'frames of an app of HTTP/2 cost at most one answer: a frame that is too short',
  'frames of an app of HTTP/2 cost at most one answer: a promise',
];

/** Where the client’s side is Pipy. */
const client: readonly string[] = [
  'a request costs at most itself: trailers that no message may have',
  'a request costs at most itself: an empty line before it',
  'to an app of HTTP/2 too: Trailer and chunks',
  'to an app of HTTP/2 too: trailers that no message may have',
  'to an app of HTTP/2 too: an empty line before it',
  'an answer costs at most itself: 103 with Trailer and a length',
  'a client of HTTP/1.0 gets no chunks',
  'nobody at the endpoint of an HTTP/2 service: 503',
  'a # in a path of HTTP/2 reaches nobody',
  'an absolute target of HTTP/1.1 is a path too',
  'an answer costs at most itself: Trailer and chunks',
  'an answer costs at most itself: trailers nobody announced',
  'frames of an app of HTTP/2 cost at most one answer: 102 before it',
  'frames of an app of HTTP/2 cost at most one answer: 103 before it',
  'frames of an app of HTTP/2 cost at most one answer: 199 before it',
  'frames of an app of HTTP/2 cost at most one answer: 103 twice',
  'frames of an app of HTTP/2 cost at most one answer: a header of the connection',
  'frames of an app of HTTP/2 cost at most one answer: a name in capitals',
  'frames of an app of HTTP/2 cost at most one answer: a length that is none',
  'frames of an app of HTTP/2 cost at most one answer: a length that is not kept',
  'frames of an app of HTTP/2 cost at most one answer: a trailer that is none',
  'frames of an app of HTTP/2 cost at most one answer: trailers that no message may have',
];

/** Where the server’s side is Pipy. */
const server: readonly string[] = [
  'an answer costs at most itself: no reason',
  'no interim answer goes to a client of HTTP/1.0',
  'nobody at the port of an HTTP/2 app: 503',
  'a peer without a sidecar costs at most its own request: Trailer and chunks',
  'a peer without a sidecar costs at most its own request: trailers that no message may have',
  'frames of an app of HTTP/2 cost at most one answer: no status',
  'no target with a fault reaches an app from a peer without a sidecar',
];

/** Where both are. */
const both: readonly string[] = [
  'an answer costs at most itself: an answer in HTTP/1.0',
  'a target reaches nobody that has a #',
  'a target reaches nobody that has a # in the query',
  'a target reaches nobody that has only a #',
  'a target reaches nobody that has no slash',
  'a target reaches nobody that has an asterisk',
  "frames of an app of HTTP/2 cost at most one answer: a status of '0'",
  "frames of an app of HTTP/2 cost at most one answer: a status of '99'",
  "frames of an app of HTTP/2 cost at most one answer: a status of '099'",
  "frames of an app of HTTP/2 cost at most one answer: a status of '101'",
  "frames of an app of HTTP/2 cost at most one answer: a status of '600'",
  "frames of an app of HTTP/2 cost at most one answer: a status of '999'",
  "frames of an app of HTTP/2 cost at most one answer: a status of '1000'",
  "frames of an app of HTTP/2 cost at most one answer: a status of 'abc'",
  "frames of an app of HTTP/2 cost at most one answer: a status of ''",
  'bytes of a target above 127 arrive as they were sent, or the request is refused in words',
];

/** For Pipy on both sides, on the client’s, and on the server’s. */
export const toMend = {
  both: skips([...everywhere, ...client, ...server, ...both]),
  client: skips([...everywhere, ...client]),
  server: skips([...everywhere, ...server]),
};
