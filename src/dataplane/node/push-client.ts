/** The proxy's end of `fsm-push/1` (see `push/protocol.ts`): one stream to the control plane, for ever. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { formatProblem } from '../../api/problem.ts';
import { configFormat } from '../../engine/config.ts';
import { controlPlaneName } from '../../identity/protocol.ts';
import { LineReader } from '../push/lines.ts';
import { heartbeatSeconds, lineMaxBytes, type ProxyLine, type PushLine, pushProtocol } from '../push/protocol.ts';
import type { Configuration } from './config.ts';
import type { Credentials } from './credentials.ts';
import type { HostPort } from './environment.ts';
import type { Logger } from './log.ts';

export interface PushClientOptions {
  readonly controlPlane: HostPort;
  readonly controlRootFile: string;
  readonly credentials: Credentials;
  readonly configuration: Configuration;
  /** `node/<version>`. */
  readonly shell: string;
  readonly log: Logger;
  /** Silence after which the stream counts as dead; three heartbeats unless set. */
  readonly silenceMs?: number;
}

/** Pauses between attempts, in milliseconds: up to `first`, doubling up to `last`, each with full jitter. */
const pause = { first: 200, last: 15_000 };

/** Opens the stream, and again whenever it breaks. @returns what ends it */
export function startPushClient(options: PushClientOptions): () => void {
  let attempts = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let socket: TLSSocket | undefined;
  const controlRoot = readFileSync(options.controlRootFile);
  const open = () => {
    socket = openStream(options, controlRoot, () => {
      attempts = 0;
    });
    socket.once('close', () => {
      if (stopped) return;
      const longest = Math.min(pause.last, pause.first * 2 ** Math.min(attempts, 10));
      attempts += 1;
      timer = setTimeout(open, Math.random() * longest);
    });
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket?.destroy();
  };
}

/** The server's certificate must come from the control root, which signs nothing else, and carry its one name. */
function openStream(options: PushClientOptions, controlRoot: Buffer, heard: () => void): TLSSocket {
  const { controlPlane, credentials, log } = options;
  const socket = connect({
    ...controlPlane,
    ...credentials.own(),
    ca: controlRoot,
    servername: controlPlaneName,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [pushProtocol],
  });
  socket.setTimeout(options.silenceMs ?? 3 * heartbeatSeconds * 1000, () =>
    socket.destroy(new Error('nothing was heard for three heartbeats')),
  );
  socket.on('error', error => log('warn', 'the control plane cannot be reached', { detail: error.message }));
  socket.once('secureConnect', () => {
    if (socket.alpnProtocol !== pushProtocol)
      return void socket.destroy(new Error(`it does not speak ${pushProtocol}`));
    socket.setNoDelay(true);
    converse(socket, options, heard);
  });
  return socket;
}

/** What a conversation needs, whatever the bytes travel over. */
export type Conversation = Pick<PushClientOptions, 'configuration' | 'credentials' | 'shell' | 'log'>;

/**
 * Speaks the protocol over a verified connection until that ends: says hello, then does what each line asks for.
 *
 * @param heard is called whenever bytes come
 */
export function converse(socket: Duplex, options: Conversation, heard: () => void): void {
  const say = (line: ProxyLine) => void socket.write(`${JSON.stringify(line)}\n`);
  options.configuration.abandon();
  say({ t: 'hello', formats: [configFormat], shell: options.shell, thread: 0, ...options.configuration.position });
  options.log('info', 'the control plane is there');
  readLines(socket, options, say, heard);
}

/** Lines one after the other: the next one is read when the last has done its work. */
function readLines(socket: Duplex, options: Conversation, say: (line: ProxyLine) => void, heard: () => void): void {
  const reader = new LineReader(lineMaxBytes);
  let working: Promise<void> = Promise.resolve();
  socket.on('data', chunk => {
    heard();
    socket.pause();
    working = working
      .then(async () => {
        for (const line of reader.push(chunk)) await handle(JSON.parse(line) as PushLine, socket, options, say);
        socket.resume();
      })
      .catch(error => void socket.destroy(error));
  });
}

async function handle(
  line: PushLine,
  socket: Duplex,
  options: Conversation,
  say: (line: ProxyLine) => void,
): Promise<void> {
  switch (line.t) {
    case 'node':
      if (!options.configuration.stage(line.h, line.v))
        socket.destroy(new Error('too many nodes for one configuration'));
      return;
    case 'commit':
      return commit(line, options, say);
    case 'cert':
      return renew(line.pem, options, say);
    case 'beat':
      return;
    default:
      options.log('warn', 'the control plane sent a line that this sidecar does not know');
  }
}

async function commit(
  { root, rev, mark }: Extract<PushLine, { t: 'commit' }>,
  { configuration, log }: Conversation,
  say: (line: ProxyLine) => void,
): Promise<void> {
  const done = await configuration.commit(root, mark);
  if (done.t === 'need') return say({ t: 'need', h: done.hashes, root });
  if (done.t === 'refused') {
    log('error', formatProblem(done.problem), { code: done.problem.code, rev, root });
    return say({ t: 'nack', root, problem: done.problem });
  }
  say({ t: 'ack', root });
  log('info', 'a configuration is in force', { rev, root });
  configuration
    .stored()
    .catch(error => log('error', 'the configuration could not be stored', { detail: String(error) }));
}

async function renew(pem: string, { credentials, log }: Conversation, say: (line: ProxyLine) => void): Promise<void> {
  const problem = await credentials.renew(pem);
  if (problem !== undefined) return log('error', formatProblem(problem), { code: problem.code });
  const notAfter = new X509Certificate(pem).validToDate.toISOString();
  log('info', 'the certificate was renewed', { notAfter });
  say({ t: 'certified', notAfter });
}
