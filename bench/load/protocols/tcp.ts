/** TCP: a message goes out, and as many bytes come back. */
import type { LoadPlan } from '../../model.ts';
import { type Connection, type LaneEvents, openWire } from './protocol.ts';

/** Opens a connection with one lane. Fewer bytes than were sent are no answer yet; more are a wrong one. */
export function openTCP(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  if (plan.payloadBytes < 1) throw new Error('a message over TCP needs at least one byte');
  const message = Buffer.alloc(plan.payloadBytes, 'x');
  let left = 0;
  const wire = openWire(
    plan.endpoint,
    {
      opened: () => events.ready(lane),
      data(chunk) {
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
