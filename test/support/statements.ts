import { pg } from '../../src/platform/database/pg-client.js';

interface Asked {
  text?: string;
}

/** Collects the text of each statement that an app of this process sends from now on. */
export function collectStatements(): { texts: Set<string>; stop(): void } {
  const texts = new Set<string>();
  const prototype = pg.Client.prototype as unknown as { query(...args: unknown[]): unknown };
  const { query } = prototype;
  prototype.query = function (this: { connectionParameters: { application_name?: string } }, ...args: unknown[]) {
    const [asked] = args as [string | Asked];
    const text = typeof asked === 'string' ? asked : asked.text;
    if (text !== undefined && this.connectionParameters.application_name === 'holdfast') texts.add(text);
    return Reflect.apply(query, this, args);
  };
  return { texts, stop: () => void (prototype.query = query) };
}

export interface Part {
  kind: 'read' | 'lock' | 'insert' | 'update' | 'delete';
  tables: string[];
  /** In lower case, without comments and values, white space as one blank. */
  text: string;
}

const VALUE = /'(?:[^']|'')*'/g;
const WRITE = /\b(insert into|update|delete from) (?:only )?"?([a-z_]+)"?/g;

/**
 * What a text does to which tables: each change that it makes (those of a WITH clause too) with its own part of the text, and
 * what it reads if it changes nothing. Texts without a table (COMMIT, SET, the clock) have no part.
 */
export function partsOf(text: string, tables: ReadonlySet<string>): Part[] {
  const plain = text
    .replaceAll(/\/\*.*?\*\//g, '')
    .replaceAll(VALUE, '?')
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/"public"\./g, '');
  return plain.split(/; (?=select|insert|update|delete|with)/).flatMap((statement) => partsOfStatement(statement, tables));
}

function partsOfStatement(statement: string, tables: ReadonlySet<string>): Part[] {
  const writes = [...statement.matchAll(WRITE)].filter(([, , table]) => tables.has(table!));
  if (writes.length > 0) {
    return writes.map(({ index, 1: verb, 2: table }, position) => ({
      kind: verb!.split(' ')[0] as Part['kind'],
      tables: [table!],
      text: statement.slice(index, writes[position + 1]?.index),
    }));
  }
  const read = [...statement.matchAll(/\b(?:from|join) "?([a-z_]+)"?/g)].map(([, table]) => table!);
  const known = [...new Set(read.filter((table) => tables.has(table)))];
  if (known.length === 0) return [];
  return [{ kind: /\bfor (no key )?update\b/.test(statement) ? 'lock' : 'read', tables: known, text: statement.trim() }];
}
