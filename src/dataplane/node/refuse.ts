import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Exchange } from './exchange.ts';
import { endSoon } from './tcp.ts';

/** What a client is told that gets no answer from an upstream. */
export interface Told {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
}

/** The line of text that an answer carries. */
export function textOf(told: Told): string {
  return `${told.reason}: ${told.detail}\n`;
}

/** Answers an exchange: the status, and a line of text with reason and detail. */
export function refuse(exchange: Exchange, told: Told): void {
  const body = textOf(told);
  const headers = [
    ['content-type', 'text/plain; charset=utf-8'],
    ['content-length', String(Buffer.byteLength(body))],
  ] as const;
  const ends = exchange.method === 'HEAD';
  const sink = exchange.respond({ status: told.status, headers, ends });
  if (!ends) sink.stream.write(body, 'utf8');
  sink.finish([]);
}

/** Answers on a connection that has left the HTTP server, and closes it. */
export function refuseConnect(socket: Duplex, told: Told): void {
  const body = textOf(told);
  const head = `HTTP/1.1 ${told.status} ${STATUS_CODES[told.status] ?? ''}\r\nconnection: close\r\n`;
  endSoon(
    socket,
    `${head}content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
