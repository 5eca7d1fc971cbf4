/** TLS: every request is a connection of its own with one full handshake of TLS 1.3, and then it is closed. */
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import type { LoadPlan } from '../../model.ts';
import { type Connection, type LaneEvents, reopenMs } from './protocol.ts';

/** A peer that does not close its side keeps a lane no longer than this. */
const closeMs = 1000;

/**
 * Opens a lane; nothing is resumed, since no session is given. The time of a request is that of the TCP connection, the
 * handshake and the check of the certificate, until the client has all that it needs to send. The lane is free when both
 * sides have closed: closed loop counts connections that are really gone.
 */
export function openHandshakes(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  const { host, port, tls } = plan.endpoint;
  if (tls === undefined) throw new Error('a plan for TLS needs endpoint.tls');
  const secureContext = createSecureContext({ ca: tls.ca, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
  let socket: TLSSocket | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined = setTimeout(() => events.ready(lane));
  const ended = (done: boolean, why: string) => {
    if (closed) return;
    if (done) return events.ready(lane);
    events.broken(why);
    events.gone(lane);
    timer = setTimeout(() => events.ready(lane), reopenMs);
  };
  return {
    send() {
      let done = false;
      let why = 'closed in the handshake';
      const own = connect({ host, port, servername: tls.serverName, secureContext });
      socket = own;
      own.on('secureConnect', () => {
        done = true;
        own.setTimeout(closeMs, () => own.destroy());
        own.end();
        events.answered(lane, null);
      });
      own.on('error', error => {
        why = error.message;
      });
      own.on('close', () => ended(done, why));
      own.resume();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.destroy();
    },
  };
}
