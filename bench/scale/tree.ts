/** A proxy's configuration as far as a bench checks it: every commit reaches only nodes that were sent. */

interface Held {
  readonly bytes: number;
  readonly refs: readonly string[];
}

export class Tree {
  #nodes = new Map<string, Held>();

  /** @param line a node line of the push protocol */
  stage(line: string): void {
    const { h, v } = JSON.parse(line) as { h: string; v: { refs: Record<string, string> } };
    this.#nodes.set(h, { bytes: line.length, refs: Object.values(v.refs) });
  }

  /** Keeps what the root reaches; when something of it was never sent it changes nothing, and says what. */
  commit(root: string): readonly string[] {
    const { found, lacking } = this.#reached(root);
    if (lacking.length === 0) this.#nodes = found;
    return lacking;
  }

  /** Nodes under a root, and their bytes on the wire. */
  size(root: string): { nodes: number; bytes: number } {
    const reached = [...this.#reached(root).found.values()];
    return { nodes: reached.length, bytes: reached.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  #reached(root: string): { found: Map<string, Held>; lacking: string[] } {
    const found = new Map<string, Held>();
    const lacking: string[] = [];
    const open = [root];
    for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
      if (found.has(hash)) continue;
      const node = this.#nodes.get(hash);
      if (node === undefined) lacking.push(hash);
      else {
        found.set(hash, node);
        open.push(...node.refs);
      }
    }
    return { found, lacking };
  }
}
