import { createServer, type Server, type Socket } from 'node:net';

/** Ports of an address that are listened on. Connections outlive the listening. */
export interface Listeners {
  /** Opens the ports that are new, and gives back what closes those that are gone; rejects when one cannot be had. */
  prepare(ports: readonly number[]): Promise<() => void>;
  close(): void;
}

/** Connections at once, on each port. */
const connectionsMax = 10_000;

/** Listens; sockets are half-open, so that an end of one direction is not the end of the other. */
export async function listen(address: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    socket.on('error', () => socket.destroy());
    accept(socket);
  });
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: address, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}

export function createListeners(address: string, accept: (socket: Socket) => void): Listeners {
  const open = new Map<number, Server>();
  return {
    async prepare(ports) {
      const fresh = ports.filter(port => !open.has(port));
      const results = await Promise.allSettled(fresh.map(port => listen(address, port, accept)));
      const failed = results.find(result => result.status === 'rejected');
      const servers = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
      if (failed !== undefined) {
        for (const server of servers) server.close();
        throw failed.reason;
      }
      servers.forEach((server, at) => {
        open.set(fresh[at] ?? 0, server);
      });
      return () => closeOthers(open, ports);
    },
    close: () => closeOthers(open, []),
  };
}

function closeOthers(open: Map<number, Server>, keep: readonly number[]): void {
  for (const [port, server] of open) {
    if (keep.includes(port)) continue;
    server.close();
    open.delete(port);
  }
}
