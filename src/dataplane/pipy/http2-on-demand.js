/**
 * HTTP/2 is a fifth of the scripts, and a sidecar whose pods speak HTTP/1.1 needs none of it: it is loaded when somebody first
 * speaks it, in a few milliseconds, and stays. Pipy keeps about twenty bytes for each of a script.
 */
var parts = null;

/** What http2.js exports. */
export function http2() {
  if (parts === null) parts = pipy.import('/pipy/http2.js');
  return parts;
}
