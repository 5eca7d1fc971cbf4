/**
 * Between the engines, which know when to send, and the protocols, which know how. A lane carries one request at a time:
 * it is a connection, or one of several streams of a connection. Lanes have numbers from 0, in every thread anew.
 */
import type { LoadPlan, Protocol } from '../model.ts';
import { openHandshakes } from './protocols/handshake.ts';
import { openHTTP1 } from './protocols/http1.ts';
import { openGRPC, openHTTP2 } from './protocols/http2.ts';
import { openMQTT } from './protocols/mqtt.ts';
import type { Connection, LaneEvents, Open } from './protocols/protocol.ts';
import { openTCP } from './protocols/tcp.ts';
import { openWebSocket } from './protocols/websocket.ts';

/**
 * Streams of one connection that may be open at once. In open loop as many as a server must allow for (RFC 9113 6.5.2
 * recommends no fewer than 100), so that a request waits for the target and not for us; in closed loop they are what
 * makes the load, and ten of them is what h2load is commonly given.
 */
export const streams = { latency: 100, throughput: 10 } as const;

const protocols: Record<Protocol, { readonly open: Open; readonly streams: boolean }> = {
  http1: { open: openHTTP1, streams: false },
  http2: { open: openHTTP2, streams: true },
  grpc: { open: openGRPC, streams: true },
  tcp: { open: openTCP, streams: false },
  tls: { open: openHandshakes, streams: false },
  websocket: { open: openWebSocket, streams: false },
  mqtt: { open: openMQTT, streams: false },
};

/** All lanes of a thread: those of connection n are n, n + connections, n + 2 connections, … */
export interface Lanes {
  readonly count: number;
  send(lane: number): void;
  close(): void;
}

/** Opens a thread's connections; lanes say by themselves when they are ready. */
export function openLanes(plan: LoadPlan, connections: number, events: LaneEvents): Lanes {
  const protocol = protocols[plan.protocol];
  const each = protocol.streams ? streams[plan.measure] : 1;
  const opened: Connection[] = [];
  for (let n = 0; n < connections; n += 1) {
    const own = Array.from({ length: each }, (_, stream) => n + stream * connections);
    opened.push(protocol.open(plan, own, events));
  }
  return {
    count: connections * each,
    send: lane => opened[lane % connections]?.send(lane),
    close: () => {
      for (const connection of opened) connection.close();
    },
  };
}
