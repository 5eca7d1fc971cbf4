/** What a client means by a name: the host that it writes into its request, and the service that this speaks of. */
import { serviceKey } from '../../dataplane/policy/names.js';
import type { MeshSnapshot } from '../../engine/model.ts';
import { eachEntry, objectOf, splitKey } from '../../engine/snapshot.ts';
import { resolveService } from '../resolve.ts';
import { dnsName } from './asking.ts';

export interface Destination {
  /** Name or address as the client writes it, without a port. */
  readonly host: string;
  /** `namespace/name` of the service that it speaks of, empty where it speaks of none. */
  readonly service: string;
  /** As it is written behind the name, where one is. */
  readonly port?: string;
  /** What was assumed, for people; absent when the name was exact. */
  readonly assumed?: string;
}

/**
 * The destination that a person writes: `namespace/name` of a service, or what a client would ask for: any name of a
 * service or a pod, an address, or a name beyond the mesh, each with `:port` or not. What the name stands for is for the
 * client's proxy to say.
 *
 * @param client key of the client's pod, in whose namespace a bare name is looked for first, as DNS does
 * @throws ProblemError FSM1002 and FSM1005 for a bare name and `namespace/name` that lead nowhere, or to several services
 */
export function destinationOf(snapshot: MeshSnapshot, client: string, written: string): Destination {
  const { name, ...port } = withoutPort(written);
  const domain = snapshot.trust.trustDomain.split('.');
  const own = splitKey(client).namespace;
  if (!name.includes('.') && !name.includes(':')) return { ...bare(snapshot, own, name), ...port };
  return { host: name, service: spokenOf(snapshot, own, domain, name), ...port };
}

/** A bare name is a service of the client's namespace, as for DNS; else the only one of that name, by its full one. */
function bare(snapshot: MeshSnapshot, own: string, name: string): Destination {
  const lower = name.toLowerCase();
  if (objectOf(snapshot, 'Service', `${own}/${lower}`) !== undefined)
    return { host: name, service: `${own}/${lower}`, assumed: `${name} is service ${own}/${lower}` };
  const { key, ...assumed } = resolveService(snapshot, name);
  return { host: dnsName(key), service: key, ...assumed };
}

/** The service of a name or address, or that which the pod of a name is behind. */
function spokenOf(snapshot: MeshSnapshot, own: string, domain: readonly string[], host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  const whole = serviceKey(name, own, domain);
  const behind = serviceKey(name.slice(name.indexOf('.') + 1), own, domain);
  const named = [whole, behind].find(key => key !== null && objectOf(snapshot, 'Service', key) !== undefined);
  return named ?? serviceAt(snapshot, addressesIn(name)) ?? '';
}

/** An address, or those that the DNS name of a pod without a hostname may stand for. */
function addressesIn(name: string): readonly string[] {
  const [dashed = '', , kind] = name.split('.');
  return kind === 'pod' ? [dashed.replaceAll('-', '.'), dashed.replaceAll('-', ':')] : [name];
}

/** The service that has one of these addresses, or a pod with one. */
function serviceAt(snapshot: MeshSnapshot, addresses: readonly string[]): string | undefined {
  let found: string | undefined;
  eachEntry(snapshot, 'EndpointSlice', (_, { object }) => {
    const isThere = object?.endpoints.some(each => each.addresses.some(address => addresses.includes(address)));
    if (object !== undefined && isThere) found = `${object.namespace}/${object.service}`;
  });
  eachEntry(snapshot, 'Service', (key, { object }) => {
    if (object?.clusterIPs.some(address => addresses.includes(address))) found = key;
  });
  return found;
}

/** Takes the port away that stands behind a name, or behind an IPv6 address in brackets (RFC 3986, 3.2). */
function withoutPort(written: string): { name: string; port?: string } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(written) ?? [];
  const name = bracketed ?? plain ?? written;
  return port === undefined ? { name } : { name, port };
}
