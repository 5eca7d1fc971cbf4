/** The ports of a sandbox, all on loopback, counted from one base so that several sandboxes can run beside each other. */
import { createServer } from 'node:net';
import { ProblemError } from '../api/problem.ts';

export const host = '127.0.0.1';

export const defaultPortBase = 17_000;

export interface SandboxPorts {
  /** Kubernetes API, HTTPS. */
  readonly api: number;
  /** Where sidecars enrol and hold their streams, TLS. */
  readonly dataPlane: number;
  /** Metrics and health of the controller. */
  readonly metrics: number;
  /** Read model of the controller. */
  readonly readModel: number;
}

/** @throws ProblemError FSM6003 when the base leaves no room for every port */
export function portsFrom(base: number): SandboxPorts {
  if (!Number.isInteger(base) || base < 1024 || base > 65_400) throw badBase(base);
  return { api: base, dataPlane: base + 1, metrics: base + 91, readModel: base + 92 };
}

/** Finds out that a port is taken before anything is started. @throws ProblemError FSM6001 that names the first one */
export async function checkPorts(ports: SandboxPorts): Promise<void> {
  for (const [use, port] of Object.entries(ports)) if (!(await isFree(port))) throw inUse(port, use);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

const uses: Readonly<Record<string, string>> = {
  api: 'the Kubernetes API of the sandbox',
  dataPlane: 'the port where sidecars come to the controller',
  metrics: 'the metrics of the controller',
  readModel: 'the read model of the controller',
};

function inUse(port: number, use: string): ProblemError {
  return new ProblemError({
    code: 'FSM6001',
    path: '',
    what: `port ${port} on ${host} is in use`,
    why: `${uses[use]} has to be there, so nothing was started`,
    fix: 'end the program that listens there, or choose other ports, for example --port-base 18000',
  });
}

function badBase(base: number): ProblemError {
  return new ProblemError({
    code: 'FSM6003',
    path: '',
    what: `${base} cannot be the port base`,
    why: 'the sandbox needs the ports base, base + 1, base + 91 and base + 92, none of them below 1024',
    fix: 'use a whole number from 1024 to 65400',
  });
}
