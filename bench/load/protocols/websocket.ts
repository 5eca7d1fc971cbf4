/** WebSocket (RFC 6455): one binary message out, and one as long back. */
import { createHash } from 'node:crypto';
import type { LoadPlan } from '../../model.ts';
import { type Connection, type LaneEvents, openLane } from './protocol.ts';
import { frame, MessageReader } from './websocket-frames.ts';

const key = Buffer.from('a key of 16 byte').toString('base64');
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** Opens a connection with one lane, which is ready when the server has switched to WebSocket. */
export function openWebSocket(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  const { endpoint, payloadBytes } = plan;
  const message = frame('binary', Buffer.alloc(payloadBytes, 'x'));
  const upgrade = Buffer.from(
    `GET ${endpoint.path} HTTP/1.1\r\nHost: ${endpoint.authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    'latin1',
  );
  return openLane(plan, lane, events, message, own => {
    let head: Buffer | null = Buffer.alloc(0);
    let reader = new MessageReader();
    /** The bytes behind the head of the server's answer; null while it is not whole. */
    const switched = (chunk: Buffer): Buffer | null => {
      head = Buffer.concat([head ?? Buffer.alloc(0), chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return null;
      const text = head.toString('latin1', 0, end);
      if (!/^HTTP\/1\.1 101 /.test(text)) throw new Error(`no WebSocket: ${text.split('\r\n', 1)[0]}`);
      if (!text.includes(accept)) throw new Error('no WebSocket: Sec-WebSocket-Accept is wrong');
      const rest = head.subarray(end + 4);
      head = null;
      own.ready();
      return rest;
    };
    return {
      opened() {
        head = Buffer.alloc(0);
        reader = new MessageReader();
        own.write(upgrade);
      },
      data(chunk) {
        const bytes = head === null ? chunk : switched(chunk);
        if (bytes === null) return;
        const { lengths, pings, closed } = reader.push(bytes);
        for (const ping of pings) own.write(frame('pong', ping));
        for (const length of lengths) {
          if (!own.pending) throw new Error('a message that nothing was sent for');
          own.answered(length === payloadBytes ? null : `message of ${length} bytes instead of ${payloadBytes}`);
          if (!closed) own.ready();
        }
        if (closed) throw new Error('closed by the peer');
      },
      lost() {},
    };
  });
}
