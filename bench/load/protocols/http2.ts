/** HTTP/2 in clear text with prior knowledge (RFC 9113 3.3), and unary calls of gRPC on it. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { LoadPlan } from '../../model.ts';
import { type Connection, type LaneEvents, reopenMs, wrongAnswer } from './protocol.ts';

/** What is asked on each stream, and how an answer is judged. */
interface Call {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | null;
  /** Counts bytes and looks at trailers; called once for each request. */
  judge(stream: ClientHttp2Stream): (status: number) => string | null;
}

/** Opens a connection on which every lane is a stream that gets `endpoint.path`. */
export function openHTTP2(plan: LoadPlan, lanes: readonly number[], events: LaneEvents): Connection {
  const { endpoint, payloadBytes } = plan;
  const headers = { ':method': 'GET', ':path': endpoint.path, ':authority': endpoint.authority };
  const judge = (stream: ClientHttp2Stream) => {
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    return (status: number) => wrongAnswer(status, length, payloadBytes);
  };
  return openSession(plan, lanes, events, { headers, body: null, judge });
}

/**
 * Opens a connection on which every lane is a unary call of the method `endpoint.path`: one message of `payloadBytes`
 * each way, behind the five bytes that say that it is not compressed and how long it is.
 */
export function openGRPC(plan: LoadPlan, lanes: readonly number[], events: LaneEvents): Connection {
  const { endpoint, payloadBytes } = plan;
  const headers = {
    ':method': 'POST',
    ':path': endpoint.path,
    ':authority': endpoint.authority,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const body = Buffer.alloc(5 + payloadBytes);
  body.writeUInt32BE(payloadBytes, 1);
  return openSession(plan, lanes, events, { headers, body, judge: stream => judgeCall(stream, payloadBytes) });
}

function judgeCall(stream: ClientHttp2Stream, payloadBytes: number): (status: number) => string | null {
  let code: unknown;
  let length = 0;
  const status = (headers: IncomingHttpHeaders) => {
    code = headers['grpc-status'] ?? code;
  };
  stream.on('response', status);
  stream.on('trailers', status);
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  return http => {
    if (http === 200 && code !== '0') return `grpc-status ${code ?? 'missing'}`;
    return wrongAnswer(http, length - 5, payloadBytes);
  };
}

/** A server that announces the end of the connection (GOAWAY without an error) has not broken it; it is opened again. */
function openSession(plan: LoadPlan, lanes: readonly number[], events: LaneEvents, call: Call): Connection {
  const { host, port } = plan.endpoint;
  const busy = new Set<number>();
  let session: ClientHttp2Session;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const gone = () => {
    busy.clear();
    for (const lane of lanes) events.gone(lane);
  };
  const open = () => {
    const own = connect(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
    session = own;
    let why: string | null = 'closed by the peer';
    own.on('connect', () => {
      for (const lane of lanes) events.ready(lane);
    });
    own.on('goaway', code => {
      why = code === 0 ? null : `GOAWAY with code ${code}`;
      for (const lane of lanes) if (!busy.has(lane)) events.gone(lane);
    });
    own.on('error', error => {
      why = error.message;
    });
    own.on('close', () => {
      if (closed) return;
      // A peer may announce the end and yet not wait for what it was asked.
      if (why === null && busy.size > 0) why = `closed by the peer, which owed ${busy.size} answers`;
      if (why !== null) events.broken(why);
      gone();
      timer = setTimeout(open, why === null ? 0 : reopenMs);
    });
  };
  open();
  return {
    send(lane) {
      if (session.closed || session.destroyed) return events.gone(lane);
      busy.add(lane);
      request(session, call, wrong => {
        busy.delete(lane);
        events.answered(lane, wrong);
        if (!session.closed) events.ready(lane);
      });
    },
    close() {
      closed = true;
      clearTimeout(timer);
      session.destroy();
    },
  };
}

/** A stream that ends without an answer while its connection lives is a wrong answer; with its connection, it is none. */
function request(session: ClientHttp2Session, call: Call, answered: (wrong: string | null) => void): void {
  const stream = session.request(call.headers, { endStream: call.body === null });
  const judged = call.judge(stream);
  let status = 0;
  stream.on('response', headers => {
    status = Number(headers[':status']);
  });
  stream.on('error', () => {});
  stream.on('close', () => {
    if (session.destroyed) return;
    answered(stream.rstCode === 0 ? judged(status) : `stream reset with code ${stream.rstCode}`);
  });
  if (call.body !== null) stream.end(call.body);
}
