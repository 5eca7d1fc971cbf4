/** Mosquitto: a real broker in place of the app's echo, to see what MQTT costs without a mesh. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endpointOn } from './places.ts';
import { findPeer, findProgram, isRoot, type Peer, whenUp } from './programs.ts';
import type { Target } from './target.ts';

const peer: Peer = {
  variable: 'MOSQUITTO_BIN',
  name: 'mosquitto',
  ask: '-h',
  version: /mosquitto version (\S+)/,
  install: 'install the package mosquitto',
};

const protocols = ['mqtt'] as const;

/** One Mosquitto, which keeps nothing on disk. It is no proxy: it has the cores of the app, and counts as one. */
export const mosquitto: Target = {
  name: 'mosquitto',
  protocols,
  heeds: [],
  find: print => findPeer(peer, print),
  async start(site) {
    const file = findProgram(peer.variable, peer.name);
    if (file === undefined) throw new Error('there is no Mosquitto here');
    const { host, port } = endpointOn(site.address(1), 'mqtt');
    const config = join(site.dir, 'mosquitto.conf');
    const lines = [`listener ${port} ${host}`, 'allow_anonymous true', 'persistence false', 'log_type error'];
    if (isRoot) lines.push('user root');
    await writeFile(config, `${lines.join('\n')}\nset_tcp_nodelay true\n`);
    const child = site.start({ file, args: ['-c', config] }, 'app', 'mosquitto');
    const running = await whenUp(protocols, () => endpointOn(host, 'mqtt'), [{ name: 'mosquitto', child }]);
    return { ...running, processes: running.processes.map(each => ({ ...each, role: 'app' })) };
  },
};
