/** What the ports of services speak, and what a port of a pod speaks that is behind several of them. */
import type { Protocol } from '../config.ts';
import type { ServicePortSpec } from '../model.ts';

const protocols = new Set<string>(['http', 'http2', 'grpc', 'tcp', 'tcp-server-first', 'https']);

/**
 * Protocol of a port: `appProtocol`, else the port name up to the first dash, else http (the reference's rule).
 * `kubernetes.io/h2c` is http2; an appProtocol that the mesh does not know is carried as TCP.
 */
export function protocolOf(port: Pick<ServicePortSpec, 'name' | 'appProtocol'>): Protocol {
  if (port.appProtocol !== undefined) return knownProtocol(port.appProtocol.toLowerCase()) ?? 'tcp';
  const name = port.name ?? '';
  if (name.startsWith('tcp-server-first')) return 'tcp-server-first';
  return knownProtocol(name.split('-')[0] ?? '') ?? 'http';
}

function knownProtocol(name: string): Protocol | undefined {
  if (name === 'kubernetes.io/h2c' || name === 'h2c') return 'http2';
  if (name === 'kubernetes.io/ws' || name === 'ws') return 'http';
  return protocols.has(name) ? (name as Protocol) : undefined;
}

/** Whether requests are read in it; anything else is carried as bytes. */
export function isHTTP(protocol: Protocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc';
}

/** What the server's sidecar does at a port. */
export interface ServedProtocol {
  readonly protocol: Protocol;
  /** Some service carries the port as bytes, beside others that carry HTTP. */
  readonly opaque?: true;
}

/**
 * One port of a pod behind several services. A client's sidecar goes by the service that the client named; the
 * server's sees bytes, and none of them says which service was meant:
 *
 * - where the server may speak first nobody waits for what a client says: bytes, and no rule for HTTP holds there;
 * - else HTTP is told from other bytes by its first ones, and goes on in the version in which it comes, unless all
 *   services say HTTP/2;
 * - and bytes of a service that is no HTTP may look like it: where a TCP rule admits the caller, they pass as well.
 */
export function combined(spoken: readonly Protocol[]): ServedProtocol {
  const all = [...new Set(spoken)];
  const [first = 'tcp'] = all;
  if (all.length === 1) return { protocol: first };
  if (all.includes('tcp-server-first')) return { protocol: 'tcp-server-first' };
  const requests = all.filter(isHTTP);
  if (requests.length === 0) return { protocol: 'tcp' };
  if (requests.length < all.length) return { protocol: 'http', opaque: true };
  return { protocol: requests.includes('http') ? 'http' : 'http2' };
}
