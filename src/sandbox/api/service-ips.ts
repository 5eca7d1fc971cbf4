/** ClusterIPs: names for Services that nobody dials in the sandbox, so they only have to be unique. */

/** Base of 10.96.0.0/16, the service range that kubeadm uses. */
const base = (10 << 24) | (96 << 16);
const size = 1 << 16;

const format = (address: number) => [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.');

/** Returns a function that gives an address which `taken` does not know; undefined when the range is used up. */
export function createServiceIps(taken: () => ReadonlySet<string>): () => string | undefined {
  // 10.96.0.1 and .10 are the API server's and the DNS server's in every cluster: leave them out.
  let next = 16;
  return () => {
    const used = taken();
    for (let tried = 0; tried < size; tried += 1) {
      const address = format(base + next);
      next = next + 1 < size - 1 ? next + 1 : 16;
      if (!used.has(address)) return address;
    }
    return undefined;
  };
}
