/** What pairs of proxies have in common: a client's half, and a server's half in front of each of the app's addresses. */

import { listening } from '../listening.ts';
import type { Endpoint, Protocol } from '../model.ts';
import { endpointOn, ports } from './places.ts';
import { type Started, whenUp, whileUp } from './programs.ts';
import { type Running, type Site, settingOf } from './target.ts';

/** The server's half of a pair. */
export interface ServerHalf {
  /** `server`, `server-2`, … */
  readonly name: string;
  readonly host: string;
  /** The app that it stands before. */
  app(protocol: Protocol): Endpoint;
}

/** One for each upstream, on addresses from the second. */
export function serverHalves(site: Site): readonly ServerHalf[] {
  return Array.from({ length: settingOf(site).upstreams }, (_, at) => ({
    name: at === 0 ? 'server' : `server-${at + 1}`,
    host: site.address(2 + at),
    app: protocol => site.app(protocol, at),
  }));
}

/** Where the client's half of a pair is reached. */
export function clientOn(site: Site): (protocol: Protocol) => Endpoint {
  return protocol => endpointOn(site.address(1), protocol);
}

/**
 * A pair that has answered. The client's half is started when every other one listens, for some hold an upstream that they
 * have found closed once to be closed for a while.
 *
 * @param client starts the client's half; @param endpoint where that is reached, unless it is on a port for each protocol
 */
export async function pairUp(
  site: Site,
  protocols: readonly Protocol[],
  servers: readonly Started[],
  client: () => Promise<Started>,
  { endpoint = clientOn(site) }: { readonly endpoint?: (protocol: Protocol) => Endpoint } = {},
): Promise<Running> {
  const places = serverHalves(site).flatMap(({ host }) => protocols.map(protocol => ({ host, port: ports[protocol] })));
  await whileUp(servers, signal => Promise.all(places.map(({ host, port }) => listening(host, port, signal))));
  const first = await client();
  return whenUp(protocols, endpoint, [first, ...servers]);
}
