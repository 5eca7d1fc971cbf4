/** Bare Pipys, with a few lines of script and no mesh: one hop, and pairs with mutual TLS and in clear text. */
import { fileURLToPath } from 'node:url';
import { findPipy } from '../../src/dataplane/pipy/driver.ts';
import type { Protocol } from '../model.ts';
import { makeCertificates } from './certificates.ts';
import { clientOn, pairUp, serverHalves } from './pairs.ts';
import { behind, endpointOn, hopOn } from './places.ts';
import { findPipyVersion, quiet, type Started, whenUp } from './programs.ts';
import { type Program, type Site, type Target, upstreamsOf } from './target.ts';

const script = (name: string) => fileURLToPath(new URL(`../pipy/${name}.js`, import.meta.url));
const at = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;

function run(name: string, env: Readonly<Record<string, string>>): Program {
  const file = findPipy();
  if (file === undefined) throw new Error('there is no Pipy here');
  return { file, args: [quiet, script(name)], env };
}

const hopProtocols = ['http1', 'http2', 'grpc', 'tcp', 'tls', 'websocket', 'mqtt'] as const;

/** One Pipy in front of the app. */
export const pipy: Target = {
  name: 'pipy',
  protocols: hopProtocols,
  heeds: ['upstreams'],
  find: findPipyVersion,
  async start(site) {
    const files = await makeCertificates(site.dir);
    const endpoint = hopOn(site.address(1), files);
    const places = placesOf(hopProtocols, protocol => ({
      listen: at(endpoint(protocol)),
      targets: upstreamsOf(site, behind(protocol)).map(at),
    }));
    const child = site.start(
      run('hop', { HOP_PLACES: places, HOP_CERT: files.certificate, HOP_KEY: files.key }),
      'proxy',
      'pipy',
    );
    return whenUp(hopProtocols, endpoint, [{ name: 'pipy', child }]);
  },
};

function placesOf(
  protocols: readonly Protocol[],
  place: (protocol: Protocol) => { readonly listen: string; readonly targets: readonly string[] },
): string {
  return JSON.stringify(Object.fromEntries(protocols.map(protocol => [protocol, place(protocol)])));
}

const pairProtocols = ['http1', 'http2', 'grpc', 'tcp', 'mqtt'] as const;

/** Two Pipys with mutual TLS between them: what a pair of sidecars would cost without a mesh. */
export const pipyBarePair: Target = {
  name: 'pipy-bare-pair',
  protocols: pairProtocols,
  heeds: ['upstreams'],
  find: findPipyVersion,
  async start(site) {
    const { certificate, key, root } = await makeCertificates(site.dir);
    return startBarePair(site, { BARE_CERT: certificate, BARE_KEY: key, BARE_ROOT: root });
  },
};

/** The same in clear text: beside the other, what mutual TLS costs. */
export const pipyPlainPair: Target = {
  name: 'pipy-plain-pair',
  protocols: pairProtocols,
  heeds: ['upstreams'],
  find: findPipyVersion,
  start: site => startBarePair(site, {}),
};

/** Starts both halves; certificates and keys, where there are any, are of the kind that the mesh makes. */
function startBarePair(site: Site, files: Readonly<Record<string, string>>): ReturnType<Target['start']> {
  const halves = serverHalves(site);
  const start = (half: 'client' | 'server', who: string, places: string): Started => {
    const name = `${who} Pipy`;
    return { name, child: site.start(run(`bare-${half}`, { ...files, BARE_PLACES: places }), 'proxy', name) };
  };
  const servers = halves.map(({ name, host, app }) => {
    const listen = (protocol: Protocol) => at(endpointOn(host, protocol));
    const places = placesOf(pairProtocols, protocol => ({ listen: listen(protocol), targets: [at(app(protocol))] }));
    return start('server', name, places);
  });
  const client = clientOn(site);
  const places = placesOf(pairProtocols, protocol => ({
    listen: at(client(protocol)),
    targets: halves.map(({ host }) => at(endpointOn(host, protocol))),
  }));
  return pairUp(site, pairProtocols, servers, async () => start('client', 'client', places));
}
