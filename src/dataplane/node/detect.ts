/** What the first bytes of a connection say about its protocol. */
import { METHODS } from 'node:http';
import type { Duplex } from 'node:stream';

export type Detected = 'http1' | 'http2' | 'tcp';

/** RFC 9113, 3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const starts = METHODS.map(method => Buffer.from(`${method} `)).concat(preface);

/** What the bytes are; undefined while they could still become HTTP. */
export function detect(bytes: Buffer): Detected | undefined {
  const length = bytes.length;
  const possible = starts.filter(start => bytes.subarray(0, start.length).equals(start.subarray(0, length)));
  if (possible.length === 0) return 'tcp';
  const complete = possible.find(start => start.length <= length);
  if (complete === undefined) return undefined;
  return complete === preface ? 'http2' : 'http1';
}

/**
 * Waits for bytes enough to know the protocol and puts them back. A connection that ends or fails before is closed
 * and `done` is not called; one that ends while its bytes could still become HTTP is TCP.
 */
export function detectProtocol(socket: Duplex, done: (protocol: Detected) => void): void {
  const finish = (protocol: Detected, bytes: Buffer) => {
    socket.off('readable', look).off('end', ended);
    if (bytes.length > 0) socket.unshift(bytes);
    done(protocol);
  };
  let seen: Buffer = Buffer.alloc(0);
  const look = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) seen = Buffer.concat([seen, chunk]);
    const protocol = seen.length === 0 ? undefined : detect(seen);
    if (protocol !== undefined) finish(protocol, seen);
  };
  const ended = () => {
    if (seen.length === 0) socket.destroy();
    else finish('tcp', seen);
  };
  socket.on('readable', look).on('end', ended);
}
