import { nodeDriver } from '../../src/dataplane/node/driver.ts';
import { dataplaneContract } from './contract.ts';

dataplaneContract({ name: 'node to node', client: nodeDriver, server: nodeDriver, skips: {} });
