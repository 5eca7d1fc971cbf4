/** What a machine is said to be, by what it shows. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, test } from 'vitest';
import { ownVersion, type Traces, virtualisationOf } from '../../../bench/run/machine.ts';

const x86 = 'model name\t: AMD EPYC\nflags\t\t: fpu vme de\n';
const qemu = 'model name\t: QEMU TCG CPU version 2.5+\nflags\t\t: fpu hypervisor\n';
const arm = 'processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n';
const metal: Traces = { arch: 'arm64', kernel: 'aarch64', cpuinfo: arm, vendor: '', product: '', tree: '' };
const server: Traces = { ...metal, arch: 'x64', kernel: 'x86_64', cpuinfo: x86 };

test.each<[string, Traces, string]>([
  ['a board', { ...metal, tree: 'raspberrypi,5-model-b\0brcm,bcm2712\0' }, 'none'],
  ['32 bits on a kernel of 64', { ...metal, arch: 'arm' }, 'none'],
  ['a server', { ...server, vendor: 'Dell Inc.', product: 'PowerEdge' }, 'none'],
  ['a hypervisor on x86', { ...server, cpuinfo: x86.replace('fpu', 'fpu hypervisor') }, 'hypervisor'],
  ['a processor that QEMU makes up', { ...server, cpuinfo: qemu, vendor: 'QEMU' }, 'emulated by QEMU'],
  ['one of arm64', { ...metal, cpuinfo: arm.replace('0x41', '0x00'), vendor: 'QEMU' }, 'emulated by QEMU'],
  ['QEMU on arm64', { ...metal, vendor: 'QEMU', product: 'QEMU Virtual Machine' }, 'hypervisor (QEMU)'],
  ['a virtual machine of EC2', { ...metal, vendor: 'Amazon EC2', product: 'c7g.large' }, 'hypervisor (Amazon EC2)'],
  ['metal of EC2', { ...metal, vendor: 'Amazon EC2', product: 'c7g.metal' }, 'none'],
  ['Google', { ...metal, vendor: 'Google', product: 'Google Compute Engine' }, 'hypervisor (Google)'],
  [
    'Azure',
    { ...metal, vendor: 'Microsoft Corporation', product: 'Virtual Machine' },
    'hypervisor (Microsoft Corporation)',
  ],
  ['a laptop of Microsoft', { ...metal, vendor: 'Microsoft Corporation', product: 'Surface Pro' }, 'none'],
  ['VMware', { ...metal, vendor: 'VMware, Inc.', product: 'VMware20,1' }, 'hypervisor (VMware, Inc.)'],
  ['no DMI, but a device tree of a hypervisor', { ...metal, tree: 'linux,dummy-virt\0' }, 'hypervisor'],
  ['Xen on arm64', { ...metal, tree: 'xen,xenvm-4.17\0 xen,xen-4.17\0xen,xen\0' }, 'hypervisor'],
  ['arm64 on a kernel of x86', { ...metal, kernel: 'x86_64' }, 'qemu-user'],
  ['arm64 beside the cpuinfo of x86, on a kernel that does not say', { ...metal, cpuinfo: x86 }, 'qemu-user'],
  ['x64 on a kernel of arm64', { ...server, kernel: 'aarch64' }, 'emulated on arm'],
  ['x64 beside the cpuinfo of arm64', { ...server, cpuinfo: arm }, 'emulated on arm'],
])('%s', (_, traces, told) => {
  expect(virtualisationOf(traces)).toBe(told);
});

it('has a + when a file of the tree was changed, but not for what lies beside it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-bench-test-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@test', ...args], { cwd: dir });
  git('init', '--quiet');
  writeFileSync(join(dir, 'file'), 'a');
  git('add', 'file');
  git('commit', '--quiet', '--message', 'one');
  const clean = await ownVersion(dir);
  expect(clean).toMatch(/-[0-9a-f]{12}$/);
  writeFileSync(join(dir, 'rounds.jsonl'), '');
  expect(await ownVersion(dir)).toBe(clean);
  writeFileSync(join(dir, 'file'), 'b');
  expect(await ownVersion(dir)).toBe(`${clean}+`);
  await rm(dir, { recursive: true });
});
