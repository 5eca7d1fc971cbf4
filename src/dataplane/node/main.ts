/** A sidecar on Node: `node src/dataplane/node/main.ts`, with the environment of `sidecarEnvironment`. */
import { formatProblem } from '../../api/problem.ts';
import { exitEnrol, ports } from '../driver.ts';
import { Configuration } from './config.ts';
import { type Credentials, loadCredentials } from './credentials.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { surviveUnexpected } from './guard.ts';
import { createInbound, type Inbound } from './inbound.ts';
import { createListeners, type Listeners, listen } from './listeners.ts';
import { createLogger, type Logger, writerTo } from './log.ts';
import { createOutbound } from './outbound.ts';
import { startPushClient } from './push-client.ts';
import type { Shell, Side } from './shell.ts';
import { shellVersion } from './version.ts';

/** Time that connections have to finish after SIGTERM: less than the driver's `stopGraceMs`. */
const drainMs = 8000;

/** Longest delay that a timer takes. */
const timerMaxMs = 2 ** 31 - 1;

interface Running {
  readonly log: Logger;
  readonly stop: readonly (() => void)[];
  readonly sides: readonly Side[];
}

async function start(environment: Environment): Promise<void> {
  const { podNamespace, podName, stateDir, podAddress, appAddress } = environment;
  const threshold = () => configuration?.tables?.settings.logLevel ?? 'info';
  const log = createLogger(writerTo(process.stdout), threshold, { pod: `${podNamespace}/${podName}` });
  let configuration: Configuration | undefined;
  const credentials = loadCredentials(stateDir, Date.now());
  if (credentials === undefined) {
    log('error', 'the certificate is missing or has expired: this pod has to enrol', { code: 'FSM2003' });
    process.exit(exitEnrol);
  }
  const shell: Shell = { log, credentials, podAddress, appAddress, tables: () => configuration?.tables ?? null };
  const inbound = createInbound(shell);
  const listeners = createListeners(podAddress, socket => inbound.accept(socket));
  configuration = new Configuration(stateDir, tables => prepare(tables, credentials, listeners));
  const problem = await configuration.restore();
  if (problem !== undefined) log('error', formatProblem(problem), { code: problem.code });
  await run(environment, shell, configuration, inbound, listeners);
}

/** Whatever new tables need is had before they count: readable roots and free ports. */
async function prepare(
  tables: { readonly roots: readonly string[]; readonly inboundPorts: readonly { readonly port: number }[] },
  credentials: Credentials,
  listeners: Listeners,
): Promise<() => void> {
  const trust = credentials.prepareTrust(tables.roots);
  const closeOthers = await listeners.prepare(tables.inboundPorts.map(({ port }) => port));
  return () => {
    trust();
    closeOthers();
  };
}

async function run(
  environment: Environment,
  shell: Shell,
  configuration: Configuration,
  inbound: Inbound,
  listeners: Listeners,
): Promise<void> {
  const { log, credentials, podAddress } = shell;
  const outbound = createOutbound(shell);
  const server = await listen(podAddress, ports.outbound, socket => outbound.accept(socket));
  const { controlPlane, controlRootFile } = environment;
  const stopPush = startPushClient({
    controlPlane,
    controlRootFile,
    credentials,
    configuration,
    shell: shellVersion,
    log,
  });
  const stop = [stopPush, () => listeners.close(), () => void server.close()];
  const running = { log, stop, sides: [inbound, outbound] };
  process.once('SIGTERM', () => drain(running, 0));
  watchExpiry(running, credentials);
  surviveUnexpected(log);
  log('info', 'the sidecar is ready', { shell: shellVersion, address: podAddress });
}

/** Renewal moves the end; a sidecar that was not renewed in time has to enrol again. */
function watchExpiry(running: Running, credentials: Credentials): void {
  const leftMs = credentials.notAfter().getTime() - Date.now();
  if (leftMs > 0) return void setTimeout(() => watchExpiry(running, credentials), Math.min(leftMs, timerMaxMs)).unref();
  running.log('error', 'the certificate has expired: this pod has to enrol', { code: 'FSM2003' });
  drain(running, exitEnrol);
}

/** Takes no new connections, lets what is under way finish, and exits: the process ends when nothing is left, or after `drainMs`. */
function drain({ log, stop, sides }: Running, exitCode: number): void {
  log('info', 'the sidecar drains', { exitCode });
  process.exitCode = exitCode;
  for (const each of stop) each();
  for (const side of sides) side.drain();
  setTimeout(() => process.exit(exitCode), drainMs).unref();
}

await start(readEnvironment(process.env));
