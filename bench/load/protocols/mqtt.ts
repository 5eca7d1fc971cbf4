/** MQTT 5.0: each connection subscribes to a topic of its own; a message goes out, at most once, and comes back. */
import { randomBytes } from 'node:crypto';
import type { LoadPlan } from '../../model.ts';
import {
  connectPacket,
  type Packet,
  PacketReader,
  packets,
  publicationOf,
  publishPacket,
  subscribePacket,
} from './mqtt-packets.ts';
import { type Connection, type LaneEvents, openLane } from './protocol.ts';

/** Opens a connection with one lane, which is ready when its subscription is acknowledged. */
export function openMQTT(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  const name = `bench-${randomBytes(6).toString('hex')}`;
  const topic = `bench/${name}`;
  const message = publishPacket(topic, Buffer.alloc(plan.payloadBytes, 'x'));
  return openLane(plan, lane, events, message, own => {
    let reader = new PacketReader();
    const take = (packet: Packet): void => {
      switch (packet.type) {
        case packets.connack:
          if (packet.body[1] !== 0) throw new Error(`CONNACK with reason code ${packet.body[1]}`);
          return own.write(subscribePacket(topic));
        case packets.suback:
          if (packet.body.at(-1) !== 0) throw new Error(`SUBACK with reason code ${packet.body.at(-1)}`);
          return own.ready();
        case packets.publish:
          if (!own.pending) throw new Error('a message that nothing was sent for');
          own.answered(wrongMessage(publicationOf(packet), topic, plan.payloadBytes));
          return own.ready();
        default:
          throw new Error(`a packet of type ${packet.type}`);
      }
    };
    return {
      opened() {
        reader = new PacketReader();
        own.write(connectPacket(name));
      },
      data(chunk) {
        for (const packet of reader.push(chunk)) take(packet);
      },
      lost() {},
    };
  });
}

function wrongMessage(
  { topic, payload }: ReturnType<typeof publicationOf>,
  own: string,
  wanted: number,
): string | null {
  if (topic !== own) return `a message of topic ${topic}`;
  return payload.length === wanted ? null : `message of ${payload.length} bytes instead of ${wanted}`;
}
