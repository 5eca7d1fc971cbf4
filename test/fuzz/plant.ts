/** Faults that are put in on purpose, in front of the client's sidecar: the fuzzer has to find each. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Pair } from './world.ts';

/** Classes of faults. */
export const plants = ['crash', 'hang', 'cross-talk', 'verdict'] as const;

/** One of them. */
export type Plant = (typeof plants)[number];

interface Layer {
  readonly pair: Pair;
  /** The last plain answer that passed, to whomever. */
  last: string;
}

/** What the layer does with what a client sends; undefined when it keeps it to itself. */
type Broken = (layer: Layer, bytes: string, client: Socket) => string | undefined;

const broken: Readonly<Record<Plant, Broken>> = {
  crash(layer, bytes) {
    if (/^cookie:/im.test(bytes)) void layer.pair.buyer.program?.kill();
    return bytes;
  },
  hang: (_layer, bytes) => (/^trailer:/im.test(bytes) ? undefined : bytes),
  'cross-talk'(layer, bytes, client) {
    if (layer.last === '' || !/^X-Empty:/im.test(bytes)) return bytes;
    client.write(layer.last, 'latin1');
    return undefined;
  },
  verdict: (_layer, bytes) => bytes.replaceAll('/deny/', '/open/'),
};

/** Puts a broken layer before a pair. @returns what takes it away again */
export async function plantFault(pair: Pair, name: Plant): Promise<() => void> {
  const { at } = pair;
  const layer: Layer = { pair, last: '' };
  const server = createServer({ allowHalfOpen: true }, client =>
    join(layer, client, connect({ ...at, allowHalfOpen: true }), broken[name]),
  );
  await once(server.listen(0, at.host), 'listening');
  pair.at = { host: at.host, port: (server.address() as AddressInfo).port };
  return () => {
    pair.at = at;
    server.close();
  };
}

function join(layer: Layer, client: Socket, sidecar: Socket, change: Broken): void {
  client.on('data', chunk => {
    const bytes = change(layer, chunk.toString('latin1'), client);
    if (bytes !== undefined && sidecar.writable) sidecar.write(bytes, 'latin1');
  });
  sidecar.on('data', chunk => {
    const answer = chunk.toString('latin1');
    if (/^HTTP\/1\.1 200 [\s\S]*content-length: 36\r\n[\s\S]*\r\n\r\n.{36}$/i.test(answer)) layer.last = answer;
    if (client.writable) client.write(chunk);
  });
  client
    .on('end', () => sidecar.end())
    .on('error', () => client.destroy())
    .on('close', () => sidecar.destroy());
  sidecar
    .on('end', () => client.end())
    .on('error', () => sidecar.destroy())
    .on('close', () => client.destroy());
}
