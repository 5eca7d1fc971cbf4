/** TCP: a message goes out, and as many bytes come back. */
import type { LoadPlan } from '../../model.ts';
import { type Connection, type LaneEvents, openLane } from './protocol.ts';

/** Opens a connection with one lane. Fewer bytes than were sent are no answer yet; more are a wrong one. */
export function openTCP(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  if (plan.payloadBytes < 1) throw new Error('a message over TCP needs at least one byte');
  const message = Buffer.alloc(plan.payloadBytes, 'x');
  return openLane(plan, lane, events, message, own => {
    let received = 0;
    return {
      opened: () => own.ready(),
      data(chunk) {
        const left = own.pending ? message.length - received : 0;
        if (chunk.length > left) {
          if (left > 0) own.answered(`${chunk.length - left} bytes more than were sent`);
          own.renew(left > 0 ? null : 'bytes that nothing was sent for');
          return;
        }
        received += chunk.length;
        if (chunk.length < left) return;
        received = 0;
        own.answered(null);
        own.ready();
      },
      lost() {
        received = 0;
      },
    };
  });
}
