/** Programs of others: where they are, which version they have, and whether they came up. */
import { delimiter, join } from 'node:path';
import { describePipy, isExecutable } from '../../src/dataplane/pipy/driver.ts';
import type { Endpoint, Protocol } from '../model.ts';
import { answering } from './ask.ts';
import type { Child, Print, Running, Target } from './target.ts';

/** A program that is named by a variable, or lies on the PATH or where root's programs lie. */
export function findProgram(variable: string, name: string): string | undefined {
  const named = process.env[variable];
  if (named) return isExecutable(named) ? named : undefined;
  return onPath(name);
}

/** A program on the PATH or where root's programs lie. */
export function onPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .filter(folder => folder !== '')
    .map(folder => join(folder, name))
    .find(isExecutable);
}

/** How a peer is looked for. */
export interface Peer {
  readonly variable: string;
  readonly name: string;
  /** Argument that makes it print its version. */
  readonly ask: string;
  readonly version: RegExp;
  /** How to get one. */
  readonly install: string;
}

/** Its version, or what to do. */
export async function findPeer(peer: Peer, print: Print): ReturnType<Target['find']> {
  const file = findProgram(peer.variable, peer.name);
  const named = process.env[peer.variable];
  if (file === undefined && named)
    return { why: `${peer.variable} is ${named}, which is nothing that can be run: correct it, or unset it` };
  if (file === undefined)
    return { why: `${peer.variable} names no ${peer.name} and the PATH has none: ${peer.install}` };
  const version = peer.version.exec(await print({ file, args: [peer.ask] }))?.[1];
  return version === undefined ? { why: `${file} does not say its version` } : { version };
}

/** Pipy's version, or why it cannot be measured. */
export async function findPipyVersion(print: Print): ReturnType<Target['find']> {
  const state = await describePipy((file, args) => print({ file, args }));
  if (!state.usable) return { why: `${state.why}: build Pipy 1.5 and set PIPY_BIN` };
  return { version: /^Pipy (\S+)/.exec(state.text)?.[1] ?? state.text };
}

/** Programs that would become another user must then be told to stay root: without capabilities, as in a pod, they cannot. */
export const isRoot = process.getuid?.() === 0;

/** Argument that keeps Pipy from telling each port that it opens. */
export const quiet = '--log-level=error';

/** A process that was started, under the name that reports have for it. */
export interface Started {
  readonly name: string;
  readonly child: Child;
}

/** A target once it has answered on each of its protocols. @throws Error at once when one of its processes ends */
export async function whenUp(
  protocols: readonly Protocol[],
  endpoint: (protocol: Protocol) => Endpoint,
  started: readonly Started[],
): Promise<Running> {
  await whileUp(started, signal =>
    Promise.all(protocols.map(protocol => answering(protocol, endpoint(protocol), { signal }))),
  );
  const processes = started.map(({ name, child }) => ({ name, pid: child.pid ?? 0 }));
  return { endpoint, processes, close: async () => undefined };
}

/**
 * Waits for something that processes are to do.
 *
 * @param wait given a signal that it is waited for no more
 * @throws Error at once when one of them ends: how, and what it said last
 */
export async function whileUp(
  started: readonly Started[],
  wait: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const over = new AbortController();
  const ended = started.map(async ({ name, child }) => {
    throw new Error(`before it answered, ${name} ${await child.ended}`);
  });
  try {
    await Promise.race([wait(over.signal), ...ended]);
  } finally {
    over.abort();
  }
}
