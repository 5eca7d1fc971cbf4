/** What the first bytes of a connection say about its protocol. */
import { METHODS } from 'node:http';
import type { Duplex } from 'node:stream';

export type Detected = 'http1' | 'http2' | 'tcp';

/** RFC 9113, 3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** Of what Node's parser knows the method is enough. */
const known = new Set(METHODS);
/** Longest beginning of a connection that is looked at, and longest method in it. */
const lookMax = 8192;
const methodMax = 64;

/** RFC 9112, 3: a method, which any token is (RFC 9110, 9.1), a target and a version. */
const requestLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} [^ \r\n]+ HTTP\//;
/** What can still become one. */
const unfinished = /^(\r|[!#$%&'*+.^_`|~0-9A-Za-z-]+( [^ \r\n]*( (H(T(TP?)?)?)?)?)?)?$/;

/** Whether bytes begin as an HTTP/1 request does, whatever its method, as far as they have come. */
export function isRequestLine(bytes: Buffer): boolean {
  const text = textOf(bytes);
  return requestLine.test(text) || unfinished.test(text);
}

/** The first bytes, without the empty lines that may stand before a request (RFC 9112, 2.2). */
function textOf(bytes: Buffer): string {
  return bytes.toString('latin1', 0, lookMax).replace(/^(\r?\n)+/, '');
}

/** What the bytes are; undefined while they could still become HTTP. */
export function detect(bytes: Buffer): Detected | undefined {
  if (bytes.subarray(0, preface.length).equals(preface)) return 'http2';
  if (preface.subarray(0, bytes.length).equals(bytes)) return undefined;
  const text = textOf(bytes);
  const [method = ''] = text.split(' ', 1);
  if (method === 'PRI') return 'tcp';
  if ((known.has(method) && method.length < text.length) || requestLine.test(text)) return 'http1';
  const isOpen = bytes.length < lookMax && method.length <= methodMax && unfinished.test(text);
  return isOpen ? undefined : 'tcp';
}

/**
 * Waits for bytes enough to know the protocol and puts them back. A connection that ends or fails before is closed
 * and `done` is not called, as is one that takes longer than `timeoutMs`; one that ends while its bytes could still
 * become HTTP is TCP.
 */
export function detectProtocol(socket: Duplex, timeoutMs: number, done: (protocol: Detected) => void): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs).unref();
  socket.once('close', () => clearTimeout(timer));
  const finish = (protocol: Detected, bytes: Buffer) => {
    clearTimeout(timer);
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
