/** nginx: one hop, and a pair with mutual TLS. One process each, nothing logged, connections to the app kept. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Protocol } from '../model.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { pairUp, serverHalves } from './pairs.ts';
import { behind, endpointOn, hopOn, isStream, ports } from './places.ts';
import { findPeer, findProgram, isRoot, type Peer, type Started, whenUp } from './programs.ts';
import { type Site, type Target, upstreamsOf } from './target.ts';

const peer: Peer = {
  variable: 'NGINX_BIN',
  name: 'nginx',
  ask: '-v',
  version: /nginx\/(\S+)/,
  install: 'install the package nginx',
};

/** HTTP/2 and gRPC are left out: this nginx speaks no HTTP/2 to an app, and calls of gRPC do not share its connections. */
const protocols = ['http1', 'tls', 'websocket'] as const;

/** One nginx in front of the app. */
export const nginx: Target = {
  name: 'nginx',
  get protocols() {
    return spoken();
  },
  heeds: ['upstreams'],
  find: print => findPeer(peer, print),
  async start(site) {
    const files = await makeCertificates(site.dir);
    const at = site.address(1);
    const app = (protocol: Protocol) => upstreamsOf(site, behind(protocol)).map(placeOf);
    const servers = [
      server(`${at}:${ports.http1}`, 'http://http1'),
      server(`${at}:${ports.tls} ssl`, 'http://http1', serverTLS(files)),
      server(`${at}:${ports.websocket}`, 'http://websocket', upgrade),
    ];
    const pools = [pool('http1', app('http1')), pool('websocket', app('websocket'))];
    const streams = spoken()
      .filter(isStream)
      .map(each => `upstream ${each} { ${serversOf(app(each))} } ${passing(`${at}:${ports[each]}`, each)}`);
    const started = await startNginx(
      site,
      'nginx',
      `http { ${common} ${[...pools, ...servers].join('\n')} }\n${streams.length === 0 ? '' : `stream { ${streams.join('\n')} }`}`,
    );
    return whenUp(spoken(), hopOn(at, files), [started]);
  },
};

/** TCP and MQTT need a module that is not always there. */
function spoken(): readonly Protocol[] {
  return streamModule() === undefined ? protocols : [...protocols, 'tcp', 'mqtt'];
}

const pairProtocols = ['http1', 'websocket'] as const;

/** Two nginx with mutual TLS between them. */
export const nginxPair: Target = {
  name: 'nginx-pair',
  protocols: pairProtocols,
  heeds: ['upstreams'],
  find: print => findPeer(peer, print),
  async start(site) {
    const files = await makeCertificates(site.dir);
    const half = (on: string, how: string, scheme: string, to: (protocol: Protocol) => string[], settings: string) =>
      pairProtocols.flatMap(protocol => [
        pool(protocol, to(protocol)),
        server(
          `${on}:${ports[protocol]}${how}`,
          `${scheme}://${protocol}`,
          `${settings} ${protocol === 'websocket' ? upgrade : ''}`,
        ),
      ]);
    const start = (name: string, blocks: string[]) =>
      startNginx(site, `${name} nginx`, `http { ${common} ${blocks.join('\n')} }`);
    const halves = serverHalves(site);
    const asked = `${serverTLS(files)} ${demandTLS(files)}`;
    const servers: Started[] = [];
    for (const { name, host, app } of halves)
      servers.push(
        await start(
          name,
          half(host, ' ssl', 'http', protocol => [placeOf(app(protocol))], asked),
        ),
      );
    const toServers = (protocol: Protocol) => halves.map(({ host }) => placeOf(endpointOn(host, protocol)));
    return pairUp(site, pairProtocols, servers, () =>
      start('client', half(site.address(1), '', 'https', toServers, clientTLS(files))),
    );
  },
};

const placeOf = ({ host, port }: { readonly host: string; readonly port: number }) => `${host}:${port}`;

/** Nothing is written, no connection is closed for what it has carried, requests go on as they come. */
const common = `
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  keepalive_timeout 1h; keepalive_requests 1000000000;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  proxy_read_timeout 1h; proxy_send_timeout 1h;
`;

const upgrade = `
  proxy_http_version 1.1; proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
`;

function pool(name: string, to: readonly string[]): string {
  return `upstream ${name} { ${serversOf(to)} keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 1h; }`;
}

/** They are asked in turn. */
function serversOf(places: readonly string[]): string {
  return places.map(place => `server ${place};`).join(' ');
}

function passing(listen: string, to: string): string {
  return `server { listen ${listen}; proxy_pass ${to}; proxy_timeout 1h; }`;
}

function server(listen: string, to: string, settings = ''): string {
  return `server { listen ${listen}; ${settings} location / { proxy_pass ${to}; } }`;
}

/** Every handshake is a full one. */
function serverTLS({ certificate, key }: Certificates): string {
  const resumption = 'ssl_session_cache off; ssl_session_tickets off;';
  return `ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_protocols TLSv1.3; ${resumption}`;
}

function demandTLS({ root }: Certificates): string {
  return `ssl_client_certificate ${root}; ssl_verify_client on;`;
}

function clientTLS({ certificate, key, root, serverName }: Certificates): string {
  const own = `proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key};`;
  const theirs = `proxy_ssl_trusted_certificate ${root}; proxy_ssl_verify on; proxy_ssl_name ${serverName};`;
  return `${own} ${theirs} proxy_ssl_protocols TLSv1.3;`;
}

async function startNginx(site: Site, name: string, blocks: string): Promise<Started> {
  const file = findProgram(peer.variable, peer.name);
  if (file === undefined) throw new Error('there is no nginx here');
  const dir = join(site.dir, name.replace(' ', '-'));
  await mkdir(join(dir, 'temp'), { recursive: true });
  const module = streamModule() || '';
  const lines = [
    module === '' ? '' : `load_module ${module};`,
    isRoot ? 'user root;' : '',
    // One process, whose figures are all there is.
    'daemon off; master_process off; pid nginx.pid; error_log stderr crit;',
    'events { worker_connections 8192; }',
    blocks,
  ];
  await writeFile(join(dir, 'nginx.conf'), lines.join('\n'));
  const args = ['-p', `${dir}/`, '-e', 'stderr', '-c', 'nginx.conf'];
  return { name, child: site.start({ file, args }, 'proxy', name) };
}

let stream: { readonly module: string | undefined } | undefined;

/** The module that carries TCP: empty when it is built in, undefined when there is none. */
function streamModule(): string | undefined {
  stream ??= { module: lookForStream() };
  return stream.module;
}

function lookForStream(): string | undefined {
  const file = findProgram(peer.variable, peer.name);
  if (file === undefined) return undefined;
  const { stderr } = spawnSync(file, ['-V'], { encoding: 'utf8', timeout: 5000 });
  if (/--with-stream(?!\S)/.test(stderr)) return '';
  const folder = /--modules-path=(\S+)/.exec(stderr)?.[1] ?? '';
  const module = join(folder, 'ngx_stream_module.so');
  return existsSync(module) ? module : undefined;
}
