/** HAProxy: one hop, one thread, nothing logged, connections to the app kept and shared. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint } from '../model.ts';
import { makeCertificates } from './certificates.ts';
import { behind, hopOn } from './places.ts';
import { findPeer, findProgram, type Peer, whenUp } from './programs.ts';
import { type Target, upstreamsOf } from './target.ts';

const peer: Peer = {
  variable: 'HAPROXY_BIN',
  name: 'haproxy',
  ask: '-v',
  version: /version (\S+)/i,
  install: 'install the package haproxy',
};

/** Without gRPC: messages that are larger than a buffer stay stuck when many of them share a connection (2.6.12). */
const protocols = ['http1', 'http2', 'tcp', 'tls', 'websocket', 'mqtt'] as const;

type Spoken = (typeof protocols)[number];

/** Of the frontend's port, and of the way to the app. */
const settings: Readonly<Record<Spoken, { readonly bind?: string; readonly server?: string; readonly mode?: 'tcp' }>> =
  {
    http1: {},
    http2: { bind: 'proto h2', server: 'proto h2' },
    tcp: { mode: 'tcp' },
    mqtt: { mode: 'tcp' },
    tls: { bind: 'ssl crt pair.pem ssl-min-ver TLSv1.3 no-tls-tickets' },
    websocket: {},
  };

/** One HAProxy in front of the app. */
export const haproxy: Target = {
  name: 'haproxy',
  protocols,
  heeds: ['upstreams'],
  find: print => findPeer(peer, print),
  async start(site) {
    const file = findProgram(peer.variable, peer.name);
    if (file === undefined) throw new Error('there is no HAProxy here');
    const endpoint = hopOn(site.address(1), await makeCertificates(site.dir));
    const proxies = protocols.map(protocol => proxy(protocol, endpoint(protocol), upstreamsOf(site, behind(protocol))));
    const config = join(site.dir, 'haproxy.cfg');
    await writeFile(config, `${common}\n${proxies.join('\n')}`);
    // In the foreground, without a master process; -C is what names in the configuration are relative to.
    const child = site.start({ file, args: ['-db', '-C', site.dir, '-f', config] }, 'proxy', 'haproxy');
    return whenUp(protocols, endpoint, [{ name: 'haproxy', child }]);
  },
};

const common = `
global
  nbthread 1
  maxconn 8192
  tune.ssl.cachesize 0
defaults
  mode http
  balance roundrobin
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
`;

/** They are asked in turn. */
function proxy(protocol: Spoken, from: Endpoint, to: readonly Endpoint[]): string {
  const { bind = '', server = '', mode = 'http' } = settings[protocol];
  const servers = to.map(({ host, port }, at) => `  server app-${at + 1} ${host}:${port} ${server}`);
  return `
listen ${protocol}
  mode ${mode}
  bind ${from.host}:${from.port} ${bind}
${servers.join('\n')}
`;
}
