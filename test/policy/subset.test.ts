import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outsideSubset, unreadableImports } from './subset.ts';

const folder = new URL('../../src/dataplane/policy/', import.meta.url);
const files = readdirSync(folder).filter(name => name.endsWith('.js'));

describe('the policy keeps to the JavaScript that PipyJS and Node share', () => {
  it.each(files)('%s', file => {
    expect(outsideSubset(readFileSync(new URL(file, folder), 'utf8'))).toEqual([]);
  });

  const shell = new URL('../../src/dataplane/pipy/', import.meta.url);
  it.each(readdirSync(shell).filter(name => name.endsWith('.js')))(
    '%s of the shell has imports that Pipy reads',
    file => {
      expect(unreadableImports(readFileSync(new URL(file, shell), 'utf8'))).toEqual([]);
    },
  );

  it.each([
    ['let a = 1;', '1: let'],
    ['var a = /x/;', '1: literal of a regex or bigint'],
    ['var a = 1;\nfor (var b of [a]) a = b;', '2: ForOfStatement'],
    ['while (true) {}', '1: WhileStatement'],
    ['function f(a) {\n  return f(...a);\n}', '2: SpreadElement'],
    ['for (; 1 < 2; ) {}', '1: for without a first part'],
    ["import {\n  a,\n} from './a.js';", '2: comma in an import'],
    ['class A {}', '1: ClassDeclaration'],
    ['var a = Array.from([]);', '1: global Array'],
    ['var a = new Map().get(1).at(0);', '1: .at'],
    ['setTimeout(1);', '1: global setTimeout'],
    ['var a = { f() {} };', '1: method or accessor'],
    ["import a from 'node:fs';", '1: import from another folder'],
    ['var f = async () => 1;', '1: async or generator'],
  ])('%s is found', (source, fault) => {
    expect(outsideSubset(source)).toContain(fault);
  });
});
