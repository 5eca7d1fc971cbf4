/** TCP: a message goes out, and as many bytes come back. */
import type { LoadPlan } from '../../model.ts';
import { type Connection, type LaneEvents, openWire } from './protocol.ts';

/** Opens a connection with one lane, through a CONNECT where the endpoint says so. Fewer bytes than were sent are no answer yet; more are a wrong one. */
export function openTCP(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  if (plan.payloadBytes < 1) throw new Error('a message over TCP needs at least one byte');
  const message = Buffer.alloc(plan.payloadBytes, 'x');
  const { connect } = plan.endpoint;
  let left = 0;
  let greeting: string | null = null;
  const wire = openWire(
    plan.endpoint,
    {
      opened() {
        if (connect === undefined) return events.ready(lane);
        greeting = '';
        wire.write(Buffer.from(`CONNECT ${connect} HTTP/1.1\r\nHost: ${connect}\r\n\r\n`));
      },
      data(chunk) {
        if (greeting !== null) {
          greeting += chunk.toString('latin1');
          if (!greeting.endsWith('\r\n\r\n')) return;
          const [line = ''] = greeting.split('\r\n');
          greeting = null;
          if (/^HTTP\/1\.[01] 200\b/.test(line)) events.ready(lane);
          else wire.renew(`CONNECT ${connect} was answered with ${line}`);
          return;
        }
        if (chunk.length > left) {
          if (left > 0) events.answered(lane, `${chunk.length - left} bytes more than were sent`);
          wire.renew(left > 0 ? null : 'bytes that nothing was sent for');
          return;
        }
        left -= chunk.length;
        if (left > 0) return;
        events.answered(lane, null);
        events.ready(lane);
      },
      lost() {
        left = 0;
        events.gone(lane);
      },
    },
    events.broken,
  );
  return {
    send() {
      left = message.length;
      wire.write(message);
    },
    close: () => wire.close(),
  };
}
