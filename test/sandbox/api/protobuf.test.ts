import { describe, expect, test } from 'vitest';
import { decodeProtobuf } from '../../../src/sandbox/api/protobuf.ts';

/** Bodies as kubectl 1.36 sends them, in base64. */
const bodies = {
  /** `create deployment -n shop d --image=i:1 --port=8080 --replicas=0 -- /bin/run x` */
  deployment:
    'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErwBCh8KAWQSABoEc2hvcCIAKgAyADgAQgBaCAoDYXBwEgFkEooBCAASCgoICgNh' +
    'cHASAWQacgoaCgASABoAIgAqADIAOABCAFoICgNhcHASAWQSVBI2CgFpEgNpOjEaCC9iaW4vcnVuGgF4KgAyCwoAEAAYkD8iACoA' +
    'QgBqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBACICCgAoADgAGgwIABAAGAAgACgAOAAaACIA',
  /** `create token -n shop a --audience=fsm.local --duration=20m`, bound to pod p with uid u. */
  token:
    'azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBI5ChAKABIAGgAiACoAMgA4AEIAEh8KCWZzbS5s' +
    'b2NhbBoPCgNQb2QSAnYxGgFwIgF1ILAJGgQKABIAGgAiAA==',
  /** `create secret generic -n shop s --from-literal=k=v` */
  secret: 'azhzAAoMCgJ2MRIGU2VjcmV0EiEKFQoBcxIAGgRzaG9wIgAqADIAOABCABIGCgFrEgF2GgAaACIA',
};

const decode = (name: keyof typeof bodies) => decodeProtobuf(Buffer.from(bodies[name], 'base64'));

describe('protobuf bodies', () => {
  test('a Deployment keeps its zero replicas, and nothing that nobody set', () => {
    expect(decode('deployment')).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'shop', labels: { app: 'd' } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'd' } },
        template: {
          metadata: { labels: { app: 'd' } },
          spec: {
            containers: [{ name: 'i', image: 'i:1', command: ['/bin/run', 'x'], ports: [{ containerPort: 8080 }] }],
          },
        },
      },
    });
  });

  test('a TokenRequest and a Secret', () => {
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'u' };
    expect(decode('token').spec).toEqual({ audiences: ['fsm.local'], boundObjectRef, expirationSeconds: 1200 });
    expect(decode('secret')).toMatchObject({ metadata: { name: 's' }, data: { k: 'dg==' } });
  });

  test('what is cut off or unknown is refused', () => {
    const whole = Buffer.from(bodies.deployment, 'base64');
    expect(() => decodeProtobuf(whole.subarray(0, -5))).toThrow('cut off');
    expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow('does not begin');
    const job = Buffer.from(String(whole.toString('latin1')).replace('Deployment', 'StatefulXX'), 'latin1');
    expect(() => decodeProtobuf(job)).toThrow('StatefulXX as protobuf is not in the sandbox');
  });
});
