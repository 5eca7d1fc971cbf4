/** `fsm receipts [revision]`: what became of each change, and how long every stage of its way took. */
import type { Command } from 'commander';
import type { Delivery, Receipt } from '../../engine/receipts.ts';
import { usage } from '../failure.ts';
import { controlPlaneCommand, type OutputOptions } from '../options.ts';
import { print, table } from '../output.ts';

interface ReceiptOptions extends OutputOptions {
  readonly dir: string;
  readonly limit: string;
}

/** The command and its options. */
export function receiptsCommand(): Command {
  return controlPlaneCommand('receipts')
    .description('what became of each change: its stages, and which proxies acknowledged it after how long')
    .argument('[revision]', 'one change, with every proxy that it concerned')
    .option('--limit <count>', 'the newest so many', '20')
    .action(run);
}

async function run(revision: string | undefined, { dir, output, limit }: ReceiptOptions): Promise<void> {
  const { ask } = await import('../read-model.ts');
  if (revision === undefined) {
    const receipts = (await ask<readonly Receipt[]>(dir, '/receipts')).slice(-whole(limit, '--limit'));
    return print(output, receipts, () => (receipts.length === 0 ? 'nothing has changed yet' : tableOf(receipts)));
  }
  const receipt = await ask<Receipt & Deliveries>(dir, `/receipts/${whole(revision, 'the revision')}`);
  print(output, receipt, () => storyOf(receipt));
}

interface Deliveries {
  readonly deliveries: Readonly<Record<string, Delivery>>;
}

function whole(text: string, what: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usage(`${text} is no whole number`, `give ${what} one`);
}

function tableOf(receipts: readonly Receipt[]): string {
  const cells = receipts.map(receipt => [
    String(receipt.revision),
    new Date(receipt.seenAt).toISOString().slice(11, 23),
    ms(receipt.queuedMs),
    ms(receipt.derivedMs),
    ms(receipt.journaledMs),
    String(receipt.fragments),
    `${receipt.acked}/${receipt.proxies}`,
    ms(receipt.ackedMs?.p50),
    ms(receipt.ackedMs?.max),
    changeOf(receipt),
  ]);
  const header = [
    'REVISION',
    'SEEN',
    'QUEUED',
    'DERIVED',
    'JOURNALED',
    'FRAGMENTS',
    'ACKED',
    'MIDDLE',
    'LAST',
    'CHANGE',
  ];
  return table(header, cells);
}

/** The first event in words, and how many more there were. */
function changeOf({ events, eventCount }: Receipt): string {
  const [first] = events;
  const words = first === undefined ? '' : eventText(first);
  return eventCount > 1 ? `${words} and ${eventCount - 1} more` : words;
}

function eventText({ type, kind, key }: Receipt['events'][number]): string {
  return [type, kind, key].filter(part => part !== undefined).join(' ');
}

function storyOf(receipt: Receipt & Deliveries): string {
  const { events, eventCount, queuedMs, derivedMs, journaledMs, fragments, proxies, acked } = receipt;
  const more = eventCount > events.length ? [`  and ${eventCount - events.length} more`] : [];
  const rows = Object.entries(receipt.deliveries).map(([pod, { sentMs, ackedMs }]) => [pod, ms(sentMs), ms(ackedMs)]);
  return [
    `revision ${receipt.revision}, seen at ${new Date(receipt.seenAt).toISOString()}`,
    ...events.map(event => `  ${eventText(event)}`),
    ...more,
    `its turn came after ${ms(queuedMs)}, derived after ${ms(derivedMs)} (${fragments} new fragments), in the journal after ${ms(journaledMs)}`,
    `${acked} of ${proxies} proxies have acknowledged it`,
    ...(rows.length > 0 ? ['', table(['PROXY', 'SENT', 'ACKNOWLEDGED'], rows)] : []),
    ...(rows.length < proxies ? ['', 'each proxy by itself is kept for newer changes only'] : []),
  ].join('\n');
}

/** Milliseconds with one decimal; a dash for what has not happened. */
function ms(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : `${value.toFixed(1)} ms`;
}
