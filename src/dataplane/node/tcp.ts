import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Ends a connection so that its peer sees an error, not an orderly end. */
export function reset(stream: Duplex): void {
  if (stream instanceof Socket && !('encrypted' in stream)) stream.resetAndDestroy();
  else stream.destroy();
}

/** Time that the other side has to close a connection once everything was said. */
const lingerMs = 5000;

/** Says the last words on a connection; one that the other side does not close then is destroyed. */
export function endSoon(stream: Duplex, lastWords = ''): void {
  stream.end(lastWords, 'utf8');
  stream.resume();
  const timer = setTimeout(() => stream.destroy(), lingerMs).unref();
  stream.once('close', () => clearTimeout(timer));
}

/**
 * Joins two connections: bytes go both ways with backpressure, an end goes on as an end (half-close), and when one
 * breaks so does the other. Both are closed after `idleTimeoutMs` without a byte in either direction.
 *
 * @param done called once, when both are closed
 */
export function splice(left: Duplex, right: Duplex, idleTimeoutMs: number, done: () => void): void {
  const stop = () => {
    reset(left);
    reset(right);
  };
  const timer = setTimeout(stop, idleTimeoutMs);
  let open = 2;
  const closed = () => {
    open -= 1;
    if (open > 0) return;
    clearTimeout(timer);
    done();
  };
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.on('data', () => timer.refresh());
    from
      .on('error', () => reset(to))
      .once('close', () => {
        if (!from.readableEnded) reset(to);
        closed();
      });
    from.pipe(to);
  }
}
