/** What can be measured: found on this machine or skipped with a reason, started in front of the app, and ended. */
import type { ChildProcess } from 'node:child_process';
import type { Endpoint, Protocol, Role, Setting } from '../model.ts';
import { plainSetting } from '../variants.ts';

/** A program as it is started, with nothing inherited but PATH. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Runs a program to its end, or ends it after some seconds, and resolves with what it printed on both streams. */
export type Print = (program: Program) => Promise<string>;

/** A program that was started. */
export interface Child extends ChildProcess {
  /** Resolves with how it ended, in words, and with the last lines that it wrote to its standard error. */
  readonly ended: Promise<string>;
}

/** Each has an address of the target's own. */
export const upstreamsMax = 200;

/**
 * Where a target is started. Everything that it starts goes through `start`, so that nothing outlives the run. Of the setting
 * it says what is not plain, so that targets of one state of the project can be started by another (`perf/duel.ts`).
 */
export interface Site extends Partial<Setting> {
  /** The app behind the target, for each protocol; of several upstreams the first, or that of a number from 0. */
  app(protocol: Protocol, upstream?: number): Endpoint;
  /** A directory of the target's own, removed after the run. */
  readonly dir: string;
  /** A loopback address of the target's own, n from 1 to 249. */
  address(n: number): string;
  /** Starts a program on the cores that its role has. */
  start(program: Program, role: Role, name: string): Child;
}

/** The setting of a site, with what it does not say. */
export function settingOf(site: Site): Setting {
  const { upstreams, services, policies } = { ...plainSetting, ...site };
  return { upstreams, services, policies };
}

/** The app at each of its places, for a proxy that stands before all of them. */
export function upstreamsOf(site: Site, protocol: Protocol): readonly Endpoint[] {
  const { upstreams } = settingOf(site);
  return Array.from({ length: upstreams }, (_, upstream) => site.app(protocol, upstream));
}

/** A target that is up and has answered. */
export interface Running {
  endpoint(protocol: Protocol): Endpoint;
  /** The target's own processes, in the order in which a request passes them: proxies unless they say otherwise. */
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly role?: 'app' }[];
  /** Ends what is not a process started by the site. */
  close(): Promise<void>;
}

/** Something that can be measured. */
export interface Target {
  /** `direct`, `pipy-pair`, `nginx`, … */
  readonly name: string;
  readonly protocols: readonly Protocol[];
  /** What of the setting makes a difference to it. */
  readonly heeds: readonly (keyof Setting)[];
  /** Its version, or why it cannot be measured here and what to do about it. */
  find(print: Print): Promise<{ readonly version: string } | { readonly why: string }>;
  /** Resolves when a request has crossed it. */
  start(site: Site): Promise<Running>;
}
