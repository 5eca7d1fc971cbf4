/** What no committed file may say, and links that lead nowhere. */
import { dirname, join, normalize } from 'node:path';
import { at, type Finding } from './source.ts';

/** A committed text. */
export interface Text {
  readonly file: string;
  readonly text: string;
}

interface Word {
  readonly pattern: RegExp;
  readonly what: string;
}

// Each pattern has a class of one character, so that it does not find itself.
const words: readonly Word[] = [
  {
    pattern: /"resolve[d]":\s*"https?:/,
    what: 'a registry host: write the lock file with omit-lockfile-registry-resolved',
  },
  { pattern: /^\s*@?[\w:/-]*registr[y]\s*=\s*\S/m, what: 'a registry host: it belongs in the settings of a machine' },
  { pattern: /\bGOPROX[Y]=http/, what: 'a registry host: it belongs in the settings of a machine' },
  {
    pattern: /(?<![\w.~-])\/(wor[k]|hom[e]|roo[t]|User[s])\/[\w.-]+/,
    what: 'a path of one machine: write it relative, or tmpdir()',
  },
  {
    pattern: /\b(cl[a]ude|anthropi[c]|chatgp[t]|openai\.co[m]|copilo[t])\b/i,
    what: 'the tool it was written with: leave it out',
  },
  {
    pattern: /\b(a[i]|llm|agen[t]) (session|assistant|generated)\b/i,
    what: 'the tool it was written with: leave it out',
  },
];

/** Words that no committed file may say. */
export function badWords(source: Text): Finding[] {
  return words.flatMap(({ pattern, what }) => {
    const found = pattern.exec(source.text);
    return found === null ? [] : [at(source, found.index, `'${found[0].trim().slice(0, 60)}' is ${what}`)];
  });
}

/** Links of a page, without those in code, to files that do not exist or headings that the file lacks. */
export function deadLinks(page: Text, files: ReadonlyMap<string, string>): Finding[] {
  const prose = page.text.replace(/```[\s\S]*?```|`[^`\n]*`/g, code => code.replace(/[^\n]/g, ' '));
  return [...prose.matchAll(/\]\(([^)\s[\]*]+)\)/g)].flatMap(({ 1: target = '', index }) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const to = path === '' ? page.file : normalize(join(dirname(page.file), path)).replace(/\/$/, '');
    if (!exists(to, files)) return [at(page, index, `link to ${target}: there is no ${to}`)];
    const lacks = anchor !== undefined && to.endsWith('.md') && !headings(files.get(to) ?? '').has(anchor);
    return lacks ? [at(page, index, `link to ${target}: ${to} has no such heading`)] : [];
  });
}

function exists(path: string, files: ReadonlyMap<string, string>): boolean {
  return files.has(path) || [...files.keys()].some(file => file.startsWith(`${path}/`));
}

/** Anchors as GitHub makes them: lower case, punctuation dropped, spaces to dashes; and explicit ones. */
function headings(markdown: string): Set<string> {
  const written = [...markdown.matchAll(/^#{1,6}\s+(.+?)\s*$/gm)].map(({ 1: title = '' }) => slug(title));
  const named = [...markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(({ 1: id = '' }) => id);
  return new Set([...written, ...named]);
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
