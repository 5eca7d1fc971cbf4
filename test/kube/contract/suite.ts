/** What this room expects of a Kubernetes API, whoever serves it. Every case works in a namespace of its own. */
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import type { ClusterAccess } from '../../../src/kube/access.ts';
import { createClient, type KubeClient } from '../../../src/kube/client.ts';
import { type Lab, namespaces } from './lab.ts';
import { requests } from './requests.ts';
import { statuses } from './statuses.ts';
import { watches } from './watches.ts';

/** A server under test. */
export interface ContractServer {
  readonly access: ClusterAccess;
  close(): Promise<void>;
}

/** Runs the suite; `start` is called once. */
export function kubeContract(name: string, start: () => Promise<ContractServer>): void {
  describe(`the Kubernetes API of ${name}`, () => {
    let server: ContractServer;
    let client: KubeClient;

    beforeAll(async () => {
      server = await start();
      client = createClient(server.access);
    }, 90_000);

    afterAll(async () => {
      client.close();
      await server.close();
    });

    for (const each of [...requests, ...watches, ...statuses]) {
      it(each.name, context => each.run(labFor(server.access, client, context)));
    }
  });
}

let namespaceCount = 0;

function labFor(access: ClusterAccess, client: KubeClient, { onTestFinished }: TestContext): Lab {
  const cleanUp = (work: () => Promise<unknown>) => onTestFinished(async () => void (await work()));
  const namespace = async () => {
    const name = `contract-${process.pid}-${namespaceCount++}`;
    await client.create(namespaces, { metadata: { name } });
    cleanUp(() => client.delete(namespaces, { name }));
    return name;
  };
  return { access, client, namespace, cleanUp };
}
