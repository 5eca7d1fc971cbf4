/** Two meshed pods on real Pipy, a buyer and a store with apps, and a thief who may nothing. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { AccessNode, Protocol } from '../../src/engine/config.ts';
import type { Spec } from '../policy/tree.js';
import { type Apps, appPorts, startApps } from './apps.ts';
import type { ControlPlane, PodIdentity, Sidecar } from './harness.ts';
import { enrolPod, sidecarSpec, startControlPlane, startSidecar, trustDomain } from './harness.ts';

export const pods = {
  buyer: { uid: 'u-buyer', namespace: 'default', serviceAccount: 'bookbuyer' },
  store: { uid: 'u-store', namespace: 'default', serviceAccount: 'bookstore' },
  thief: { uid: 'u-thief', namespace: 'default', serviceAccount: 'bookthief' },
} as const;

export type PodName = keyof typeof pods;

const hostNumber = { buyer: 1, store: 2, thief: 3 } as const;
const protocols: Readonly<Record<keyof typeof appPorts, Protocol>> = {
  http: 'http',
  http2: 'grpc',
  tcp: 'tcp',
  serverFirst: 'tcp-server-first',
};

export interface Mesh {
  readonly plane: ControlPlane;
  readonly apps: Apps;
  readonly sidecars: Readonly<Record<PodName, Sidecar>>;
  /** Address of a pod's sidecar. */
  address(pod: PodName): string;
  /** Configures the store with these rules. */
  allow(access: AccessNode['data']): Promise<string>;
  spec(pod: PodName, access?: AccessNode['data']): Spec;
  close(): Promise<void>;
}

export const nothing: AccessNode['data'] = { anyone: false, http: [], tcp: [] };

export function principalName(pod: PodName): string {
  return `${pods[pod].serviceAccount}.default.${trustDomain}`;
}

/** @param net second byte of the loopback addresses, so that test files do not meet */
export async function startMesh(net: number): Promise<Mesh> {
  const plane = await startControlPlane();
  const address = (pod: PodName) => `127.${net}.0.${hostNumber[pod]}`;
  const apps = await startApps(`127.${net}.1.2`);
  const start = async (name: PodName) => {
    const stateDir = await enrolPod(plane, pods[name]);
    const addresses = [address(name), `127.${net}.1.${hostNumber[name]}`] as const;
    return startSidecar(sidecarSpec(plane, pods[name], addresses, stateDir));
  };
  const sidecars = { buyer: await start('buyer'), store: await start('store'), thief: await start('thief') };
  const spec = (pod: PodName, access = nothing) => specOf(plane, pods[pod], address('store'), access);
  const mesh: Mesh = {
    plane,
    apps,
    sidecars,
    address,
    spec,
    allow: access => plane.configure(pods.store.uid, spec('store', access)),
    async close() {
      for (const sidecar of Object.values(sidecars)) await sidecar.stop();
      await apps.close();
      plane.close();
    },
  };
  for (const name of ['buyer', 'thief'] as const) await plane.configure(pods[name].uid, spec(name));
  return mesh;
}

function specOf(plane: ControlPlane, pod: PodIdentity, store: string, access: AccessNode['data']): Spec {
  const principal = `${pod.serviceAccount}.${pod.namespace}.${trustDomain}`;
  const entries = Object.entries(appPorts) as [keyof typeof appPorts, number][];
  const isStore = pod.uid === pods.store.uid;
  const endpoint = (port: number) => ({ address: store, port, principal: principalName('store') });
  return {
    self: { uid: pod.uid, namespace: pod.namespace, name: pod.serviceAccount, principal },
    settings: { trustDomain, mode: 'smi', egress: false, idleTimeoutMs: 60_000, logLevel: 'info' },
    roots: [plane.meshRoot.certificatePem],
    inbound: isStore ? entries.map(([name, port]) => ({ port, protocol: protocols[name], services: ['store'] })) : [],
    access,
    services: [
      {
        namespace: 'default',
        name: 'bookstore',
        addresses: ['10.96.0.9'],
        ports: entries.map(([name, port]) => ({
          port,
          protocol: protocols[name],
          routes: [{ backends: [{ ref: `default/bookstore:${port}`, weight: 1 }] }],
        })),
      },
    ],
    endpoints: Object.fromEntries(entries.map(([, port]) => [`default/bookstore:${port}`, [endpoint(port)]])),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Ask {
  readonly path: string;
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

/** One HTTP/1.1 request through a sidecar's outbound port, on a connection of its own. */
export async function ask(address: string, { path, host, method, headers, body }: Ask): Promise<Answer> {
  const sent = request({
    host: address,
    port: 15001,
    path,
    method: method ?? 'GET',
    agent: false,
    headers: { host: host ?? `bookstore:${appPorts.http}`, ...headers },
  });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, body: text };
}

/** Opens a connection and writes; `read` resolves with everything up to the end, or up to a text that is waited for. */
export async function raw(address: string, port: number, bytes: string): Promise<RawConnection> {
  const socket = connect(port, address);
  await once(socket, 'connect');
  const connection = new RawConnection(socket);
  socket.write(bytes);
  return connection;
}

export class RawConnection {
  readonly socket: Socket;
  text = '';
  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
  }

  async until(wanted: string): Promise<string> {
    for (;;) {
      if (this.text.includes(wanted)) return this.text;
      if (this.socket.readableEnded || this.socket.destroyed) throw new Error(`ended after: ${this.text}`);
      const chunk: string | null = this.socket.read();
      if (chunk !== null) this.text += chunk;
      else await Promise.race([once(this.socket, 'readable'), once(this.socket, 'close')]);
    }
  }

  async end(): Promise<string> {
    for await (const chunk of this.socket) this.text += chunk;
    return this.text;
  }
}
