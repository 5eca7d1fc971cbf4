/** `fsm-demo <app>`: the command of every container of the demo. */
const apps = {
  bookbuyer: () => import('./bookbuyer.ts'),
  bookthief: () => import('./bookthief.ts'),
  bookstore: () => import('./bookstore.ts'),
  bookwarehouse: () => import('./bookwarehouse.ts'),
} as const;

const name = process.argv[2] ?? '';
const load = Object.hasOwn(apps, name) ? apps[name as keyof typeof apps] : undefined;
if (load === undefined) throw new Error(`there is no app ${name}; there are ${Object.keys(apps).join(', ')}`);
const app = await load();
await app.run();
