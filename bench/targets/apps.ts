/** The app behind every target of a run: one process that speaks all protocols. */
import { fileURLToPath } from 'node:url';
import { moduleFile } from '../../src/api/package.ts';
import { findPipy } from '../../src/dataplane/pipy/driver.ts';
import { accepts } from '../listening.ts';
import type { Endpoint, Protocol } from '../model.ts';
import { appProtocols, behind, endpointOn, ports } from './places.ts';
import { quiet, whenUp } from './programs.ts';
import type { Program, Running, Site } from './target.ts';

/** The app, up and answering on every protocol. */
export interface Apps {
  /** Where it is for a protocol, at the first of its addresses or at another; for TLS, what stands behind the handshake. */
  app(protocol: Protocol, upstream?: number): Endpoint;
  readonly processes: Running['processes'];
}

/** Where the app runs, and on what. */
export interface AppsOptions {
  /** Each is an upstream of its own to what is measured. */
  readonly addresses: readonly string[];
  readonly engine?: 'pipy' | 'node';
}

/** Starts the app, on Pipy where there is one: it takes the least of the cores, whatever stands in front of it. */
export async function startApps(start: Site['start'], options: AppsOptions): Promise<Apps> {
  const { addresses, engine = findPipy() === undefined ? 'node' : 'pipy' } = options;
  const places = addresses.flatMap(address => appProtocols.map(protocol => ({ address, port: ports[protocol] })));
  await Promise.all(places.map(({ address, port }) => mustBeFree(address, port)));
  const child = start(program(engine, addresses), 'app', 'app');
  const app = (protocol: Protocol, upstream = 0) => {
    const { [upstream]: address } = addresses;
    if (address === undefined)
      throw new Error(`the app has ${addresses.length} addresses: there is no upstream ${upstream + 1}`);
    return endpointOn(address, behind(protocol));
  };
  const started = [{ name: 'app', child }];
  const { processes } = await whenUp(appProtocols, app, started);
  const others = addresses.slice(1).map((_, at) => whenUp(appProtocols, protocol => app(protocol, at + 1), started));
  await Promise.all(others);
  return { app, processes };
}

/** The answers of another run's app would be taken for those of this one. @throws Error when somebody listens there */
async function mustBeFree(host: string, port: number): Promise<void> {
  if (await accepts(host, port)) throw new Error(`something listens on ${host}:${port} already: is there another run?`);
}

function program(engine: 'pipy' | 'node', addresses: readonly string[]): Program {
  const env = { APP_ADDRESSES: addresses.join(','), APP_PORTS: JSON.stringify(ports) };
  const pipy = findPipy();
  if (engine === 'node') return { file: process.execPath, args: [moduleFile('./app', import.meta.url)], env };
  if (pipy === undefined) throw new Error('there is no Pipy here');
  return { file: pipy, args: [quiet, fileURLToPath(new URL('../pipy/app.js', import.meta.url))], env };
}
