/** `fsm sandbox up`: starts a sandbox, shows it, and ends it when it is told to. */
import { join } from 'node:path';
import type { ContainerLine } from '../../sandbox/kubelet/host.ts';
import { unreadyPods, whenReady } from '../../sandbox/ready.ts';
import { typedPath } from '../../sandbox/shell.ts';
import { type Sandbox, startSandbox } from '../../sandbox/up.ts';
import { usage, whenUnexpected } from '../failure.ts';
import { widthOf } from '../layout.ts';
import { isReaderGone, onOutputFailure, write } from '../stdout.ts';
import { hints } from './hints.ts';
import { createScreen, type Screen, type Terminal } from './screen.ts';
import { createTraffic } from './traffic.ts';

export interface RunOptions {
  readonly engine: string;
  readonly portBase: string;
  readonly dir: string;
  readonly threads: string;
  readonly demo: boolean;
}

const viewMs = 1000;

/** Where the screen is, as wide as it is at each moment. */
const terminal: Terminal = {
  get isTTY() {
    return process.stdout.isTTY;
  },
  get columns() {
    return process.stdout.columns;
  },
  write,
};

/** How long people wait for pods without being told. */
const patienceMs = 5000;

/** Resolves when the sandbox has ended. @throws ProblemError as `startSandbox` */
export async function runSandbox(options: RunOptions): Promise<void> {
  const screen = createScreen(terminal, options.engine);
  let isShown = false;
  const stopping = stopSignal(() => isShown);
  const traffic = createTraffic();
  const sandbox = await startSandbox({
    dir: options.dir,
    engine: options.engine,
    demo: options.demo,
    portBase: numberOf('--port-base', options.portBase),
    threads: numberOf('--threads', options.threads),
    onPhase: text => screen.phase(text),
    onLine: (line: ContainerLine) => void (isShown && traffic.add(line)),
    signal: stopping,
  }).catch(error => {
    if (!stopping.aborted) throw error;
  });
  if (sandbox === undefined) return screen.say('The start was given up; nothing is left running.');
  try {
    await podsReady(sandbox, screen, options.dir, stopping);
    if (!stopping.aborted) {
      screen.phase(`Pods: ${sandbox.store.list('pods').length} are ready`);
      screen.say(hints(sandbox.instance(), options.dir, widthOf(process.stdout)));
      isShown = true;
      await show(screen, () => screen.flows(traffic.take()), options.demo, stopping);
    }
  } finally {
    await end(sandbox, screen);
  }
}

/** Says from time to time which pods are not ready, until all are. */
async function podsReady({ store }: Sandbox, screen: Screen, dir: string, stopping: AbortSignal): Promise<void> {
  const logs = typedPath(join(dir, 'logs'));
  const tell = () => screen.say(`  waiting for ${unreadyPods(store).join(', ')}; see the logs in ${logs}`);
  const timer = setInterval(tell, patienceMs);
  await whenReady(store, stopping);
  clearInterval(timer);
}

async function show(screen: Screen, draw: () => void, demo: boolean, stopping: AbortSignal): Promise<void> {
  const timer = demo ? setInterval(draw, viewMs) : undefined;
  if (!demo) screen.say('The sandbox is empty: apply something.');
  await new Promise<void>(resolve => {
    if (stopping.aborted) resolve();
    else stopping.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(timer);
}

async function end(sandbox: Sandbox, screen: Screen): Promise<void> {
  screen.say('Ending every process …');
  await sandbox.close();
  screen.say('Nothing is left running. Journal and logs stay until the next start.');
}

/**
 * Ctrl-C, `fsm sandbox down`, a terminal that closes. npm passes on the SIGINT that the terminal has sent already, so
 * a second one means nothing; the end is bounded anyway.
 */
function stopSignal(isUp: () => boolean): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  // Whoever read the screen has gone, as in `npm start | head`, or it never could be read. A screen that goes to a file
  // on a disk that is full by now is no reason to end what others call.
  onOutputFailure(error => {
    if (isReaderGone(error) || !isUp()) stopping.abort();
  });
  whenUnexpected(() => stopping.abort());
  return stopping.signal;
}

function numberOf(option: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw usage(`${text} is no number`, `give ${option} a whole number`);
}
