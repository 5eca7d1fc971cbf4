/** What two proxies say of one request, asked of the policy that they run: *why* and recorded decisions share this. */
import { explainAdmission } from '../../dataplane/policy/because.js';
import { speaksHTTP } from '../../dataplane/policy/policy.js';
import type { Admission, Headers, RequestDescription, Tables } from '../../dataplane/policy/types.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { AnyNode, Endpoint } from '../../engine/config.ts';

/** `service.namespace`, with its port where one is named. */
export function authorityOf(service: string, port: number | undefined): string {
  return withPort(dnsName(service), port);
}

/** The shortest name that means a service (`namespace/name`) to clients of every namespace. */
export function dnsName(service: string): string {
  const [namespace, name] = service.split('/');
  return `${name}.${namespace}`;
}

/** What a client writes into Host: a name or an address, with its port where one is named (RFC 3986, 3.2). */
export function withPort(host: string, port: number | undefined): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/** A request as the shells describe it to the policy. */
export function requestOf(host: string, method: string, target: string, headers: Headers): RequestDescription {
  return { method, path: target.split(/[?#]/, 1)[0] ?? '/', host: headers.host ?? host, headers: { host, ...headers } };
}

/** What keeps two sidecars from shaking hands, as what is wrong with the server; undefined when they do. */
export function strangeness(client: Tables, server: Tables, { principal }: Endpoint): string | undefined {
  if (server.self.principal !== principal) return `is not ${principal}`;
  return server.roots.some(root => client.roots.includes(root)) ? undefined : 'trusts another root';
}

/**
 * What the proxy of an endpoint says to a client. It looks at requests where its own port speaks HTTP, at connections
 * where it does not; `request` is null where the client opens a connection.
 */
export function askServer(
  server: Tables,
  { port }: Endpoint,
  principal: string,
  request: RequestDescription | null,
): Admission & { readonly looksAt: 'request' | 'connection' } {
  const served = server.inboundPorts.find(candidate => candidate.port === port);
  const asked = served !== undefined && speaksHTTP(served.protocol) ? request : null;
  const looksAt = asked === null ? 'connection' : 'request';
  return { ...explainAdmission(server, port, principal, asked), looksAt };
}

/** The nodes of the tree under a root, as far as they are known. */
export function treeUnder(root: Hash, nodeOf: (hash: Hash) => AnyNode | undefined): Map<Hash, AnyNode> {
  const nodes = new Map<Hash, AnyNode>();
  const visit = (hash: Hash): void => {
    const node = nodes.has(hash) ? undefined : nodeOf(hash);
    if (node === undefined) return;
    nodes.set(hash, node);
    Object.values(node.refs).forEach(visit);
  };
  visit(root);
  return nodes;
}
