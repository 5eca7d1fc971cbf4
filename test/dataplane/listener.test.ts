import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { listen } from '../../src/dataplane/push/listener.ts';
import { pushProtocol } from '../../src/dataplane/push/protocol.ts';
import { controlPlaneCertificate } from '../../src/identity/control-plane.ts';
import { controlPlaneName } from '../../src/identity/protocol.ts';
import { dayMs, newRoot, workload } from '../identity/harness.ts';

it('resumes no session: whoever comes shows a certificate each time', async () => {
  const [mesh, controlRoot] = [await newRoot('mesh'), await newRoot('control')];
  const own = await controlPlaneCertificate({ controlRoot, validityMs: dayMs, now: Date.now });
  const [pushes, refused] = [Promise.withResolvers<TLSSocket>(), Promise.withResolvers<string>()];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate: { cert: own.certificatePem, key: own.privateKeyPem },
    roots: [mesh.certificatePem],
    identify: () => ({ ok: true, peer: { podUid: 'uid', principal: 'p', certificate: () => undefined } }),
    onPush: socket => pushes.resolve(socket),
    onRequest: () => {},
    onRefused: problem => refused.resolve(problem.what),
  });
  const options: ConnectionOptions = {
    ...{ host: '127.0.0.1', port: listener.port, ca: controlRoot.certificatePem },
    ...{ servername: controlPlaneName, ALPNProtocols: [pushProtocol] },
  };
  const first = connect({ ...options, ...(await workload(mesh)) });
  first.resume();
  const [session] = (await once(first, 'session')) as [Buffer];
  const accepted = await pushes.promise;
  const second = connect({ ...options, session });
  second.on('error', () => {});
  expect(await refused.promise).toContain("the proxy's certificate was not accepted");
  expect(second.isSessionReused()).toBe(false);
  for (const socket of [first, second, accepted]) socket.destroy();
  await listener.close();
});
