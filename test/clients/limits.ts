/** What may differ from a direct call, and why. Each has a row in docs/compatibility.md that says what a user sees. */

/** Differences that one limit explains. */
export interface Limit {
  readonly why: string;
  /** Pairs of shells: `client to server`. */
  readonly pairs: RegExp;
  /** Lines of `differences`. */
  readonly lines: RegExp;
}

const any = /^/;
const withPipy = /pipy/;

/** What is different with any sidecar. */
const ofSidecars: readonly Limit[] = [
  {
    why: 'a sidecar ignores `Upgrade: h2c`, and over HTTP/2, which it speaks directly only, Java sends no Host of its own',
    pairs: any,
    lines: /^java → go-h2c(-as-http)?: .*: header x-host: /,
  },
  {
    why: 'a sidecar speaks HTTP/1.1 to an app whatever its client speaks, and Node then says the length of its answer',
    pairs: any,
    lines: /^curl 1\.0 → node: .*: header content-length: nothing ≠/,
  },
  {
    why: 'an answer that ends without its end is an error, also where clients of HTTP/2 take a reset without an error for it',
    pairs: any,
    lines: /^(node http2|curl 2) → node-http2: reset without an error: error: nothing ≠ "failed"$/,
  },
  {
    why: 'an answer that ends without its end is an error, also to clients of HTTP/1.0, whom an app leaves with an orderly end',
    pairs: /^node to/,
    lines: /^curl 1\.0 → .*: (broken off between chunks|reset without an error): error: nothing ≠ "failed"$/,
  },
];

/** What Pipy itself does not let a sidecar do. */
const ofPipy: readonly Limit[] = [
  {
    why: '`content-length` of a response becomes chunks',
    pairs: withPipy,
    lines: /: header content-length: "\d+" ≠ nothing$/,
  },
  {
    why: 'of repeated headers other than cookies the last one is passed on',
    pairs: withPipy,
    lines: /: (a header twice|a header sent twice|.*(head|tail) x-(head|tail)): /,
  },
  {
    why: 'trailers are passed on over HTTP/2 only',
    pairs: withPipy,
    lines: /: (trailers: trailer x-sum|POST with trailers: body): /,
  },
  {
    why: 'of interim answers none but 100 is passed on; before an answer of HTTP/2 one ends the call',
    pairs: withPipy,
    lines: /: 103 before: /,
  },
  {
    why: 'a call of HTTP/2 that is cancelled looks ended in good order to the app',
    pairs: withPipy,
    lines: /: cancel: at the server: "it has ended.* ≠ "it did not end/,
  },
  {
    why: 'a plain response of HTTP/2 that the app breaks off looks ended in good order, also to clients of HTTP/2 only',
    pairs: withPipy,
    lines: /(→ (go-h2c|node-http2)|^(go h2c|node http2|curl 2) → .*): (broken off|reset).*: error: "failed" ≠ nothing$/,
  },
  {
    why: 'without its length, what is broken off looks whole to clients of HTTP/1.0',
    pairs: withPipy,
    lines: /^curl 1\.0 → .*: broken off before its length: error: "failed" ≠ nothing$/,
  },
];

/** The list. A limit that explains nothing has to go. */
export const limits: readonly Limit[] = [...ofSidecars, ...ofPipy];
