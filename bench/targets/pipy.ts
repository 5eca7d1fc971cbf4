/** Bare Pipys, with a few lines of script and no mesh: one hop, and a pair with mutual TLS. */
import { fileURLToPath } from 'node:url';
import { findPipy } from '../../src/dataplane/pipy/driver.ts';
import type { Protocol } from '../model.ts';
import { makeCertificates } from './certificates.ts';
import { behind, endpointOn, hopOn } from './places.ts';
import { findPipyVersion, quiet, whenUp } from './programs.ts';
import type { Program, Site, Target } from './target.ts';

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
  title: 'one bare Pipy: demuxHTTP, muxHTTP',
  protocols: hopProtocols,
  find: findPipyVersion,
  async start(site) {
    const files = await makeCertificates(site.dir);
    const endpoint = hopOn(site.address(1), files);
    const places = placesOf(hopProtocols, protocol => ({
      listen: at(endpoint(protocol)),
      target: at(site.app(behind(protocol))),
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
  place: (protocol: Protocol) => { readonly listen: string; readonly target: string },
): string {
  return JSON.stringify(Object.fromEntries(protocols.map(protocol => [protocol, place(protocol)])));
}

const pairProtocols = ['http1', 'http2', 'grpc', 'tcp', 'mqtt'] as const;

/** Two Pipys with mutual TLS between them: what a pair of sidecars would cost without a mesh. */
export const pipyBarePair: Target = {
  name: 'pipy-bare-pair',
  title: 'two bare Pipys with mutual TLS between them',
  protocols: pairProtocols,
  find: findPipyVersion,
  start: site => startBarePair(site, pairProtocols),
};

/** Starts both halves; certificates and keys are of the kind that the mesh makes. */
async function startBarePair(site: Site, protocols: readonly Protocol[]): ReturnType<Target['start']> {
  const { certificate, key, root } = await makeCertificates(site.dir);
  const files = { BARE_CERT: certificate, BARE_KEY: key, BARE_ROOT: root };
  const client = (protocol: Protocol) => endpointOn(site.address(1), protocol);
  const server = (protocol: Protocol) => endpointOn(site.address(2), protocol);
  const toServer = placesOf(protocols, protocol => ({ listen: at(client(protocol)), target: at(server(protocol)) }));
  const toApp = placesOf(protocols, protocol => ({ listen: at(server(protocol)), target: at(site.app(protocol)) }));
  const start = (half: 'client' | 'server', places: string) => {
    const name = `${half} Pipy`;
    return { name, child: site.start(run(`bare-${half}`, { ...files, BARE_PLACES: places }), 'proxy', name) };
  };
  const started = [start('client', toServer), start('server', toApp)];
  return whenUp(protocols, client, started);
}
