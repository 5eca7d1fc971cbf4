/** Ports and paths, the same everywhere: a target listens on its own addresses where the app listens on its. */
import type { Endpoint, Protocol } from '../model.ts';

/** Protocols that an app speaks by itself; TLS is HTTP/1.1 of the app behind the target's own handshake. */
export const appProtocols = ['http1', 'http2', 'grpc', 'tcp', 'websocket', 'mqtt'] as const;

/** One of `appProtocols`. */
export type AppProtocol = (typeof appProtocols)[number];

/** Whether proxies carry it as bytes. */
export function isStream(protocol: Protocol): boolean {
  return protocol === 'tcp' || protocol === 'mqtt';
}

/** Port of each protocol: that of the app, of a proxy in front of it, and of a Service of the mesh. */
export const ports: Readonly<Record<Protocol, number>> = {
  http1: 14001,
  http2: 14002,
  grpc: 14003,
  tcp: 14004,
  websocket: 14005,
  mqtt: 14006,
  tls: 14443,
};

const bytes = '/bytes/<n>';

/** Path of an endpoint; `<n>` stands for the bytes of the answer, see `pathOf`. */
const paths: Readonly<Record<Protocol, string>> = {
  http1: bytes,
  http2: bytes,
  tls: bytes,
  grpc: '/bench.Echo/Echo',
  websocket: '/echo',
  tcp: '',
  mqtt: '',
};

/** Who is behind a protocol's port: the app's own, of HTTP/1.1 for TLS. */
export function behind(protocol: Protocol): AppProtocol {
  return protocol === 'tls' ? 'http1' : protocol;
}

/** The endpoint of a protocol on an address. */
export function endpointOn(host: string, protocol: Protocol, name = 'app.bench'): Endpoint {
  const { [protocol]: port } = ports;
  return { host, port, authority: `${name}:${port}`, path: paths[protocol] };
}

/** The endpoints of a hop on an address; TLS with the certificate that clients are to see. */
export function hopOn(
  host: string,
  { ca, serverName }: NonNullable<Endpoint['tls']>,
): (protocol: Protocol) => Endpoint {
  return protocol => {
    const plain = endpointOn(host, protocol);
    return protocol === 'tls' ? { ...plain, tls: { ca, serverName } } : plain;
  };
}

/** The path that answers with so many bytes. */
export function pathOf(endpoint: Endpoint, bytes: number): string {
  return endpoint.path.replace('<n>', String(bytes));
}
