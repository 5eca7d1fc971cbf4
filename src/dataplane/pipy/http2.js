/** All of HTTP/2 that the rest of the shell calls. Only http2-on-demand.js loads it. */
export { call } from './calls.js';
export { joinHeaders, withoutSecondEnds, withResets } from './frames.js';
export { beginSession, heard, said } from './sessions.js';
export { newReader, readFrames } from './streams.js';
