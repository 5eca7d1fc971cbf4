/** Loopback addresses of pods: two each, one where the sidecar listens and one where the app does. */

export interface PodAddresses {
  /** The pod IP, which EndpointSlices name. */
  readonly pod: string;
  /** Where the app listens; only its own sidecar is told. */
  readonly app: string;
}

export interface AddressPool {
  /** The addresses of a pod, by uid: the same ones when asked again. Undefined when all are taken. */
  take(uid: string): PodAddresses | undefined;
  give(uid: string): void;
}

/** Pods of one sandbox at once: the last octet has room for this many pairs. */
export const podsMax = 126;

/**
 * The block 127.<base / 256>.<base % 256>.0/24 belongs to one port base, so two sandboxes that differ in their ports
 * differ in every address. The least base, 1024, gives 127.4.0.0: the addresses that systems use themselves are lower.
 */
export function createAddressPool(portBase: number): AddressPool {
  const taken = new Map<string, number>();
  const block = `127.${portBase >> 8}.${portBase & 255}`;
  const addresses = (slot: number) => ({ pod: `${block}.${2 * slot}`, app: `${block}.${2 * slot + 1}` });
  // Rising through the block before an address comes back: a late packet for a dead pod finds nobody.
  let last = 0;
  return {
    take(uid) {
      const held = taken.get(uid);
      if (held !== undefined) return addresses(held);
      if (taken.size >= podsMax) return undefined;
      const used = new Set(taken.values());
      do last = (last % podsMax) + 1;
      while (used.has(last));
      taken.set(uid, last);
      return addresses(last);
    },
    give: uid => void taken.delete(uid),
  };
}
