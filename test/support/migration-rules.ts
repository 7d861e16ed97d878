export interface MigrationText {
  name: string;
  /** One text per `addSql`. */
  queries: readonly string[];
  isTransactional: boolean;
}

interface Statement {
  text: string;
  /** The table that it changes; undefined when it changes none. */
  table: string | undefined;
}

interface Rule {
  broken: RegExp;
  unless?: RegExp;
  why: string;
}

/** Asked of each statement on a table that was there before. In lower case, white space as one blank. */
const OF_STATEMENTS: readonly Rule[] = [
  { broken: /^create (unique )?index\b/, unless: /\bindex concurrently\b/, why: 'an index is made CONCURRENTLY' },
  { broken: /^drop index\b/, unless: /\bindex concurrently\b/, why: 'an index is dropped CONCURRENTLY' },
  { broken: /^reindex\b/, unless: /\bconcurrently\b/, why: 'an index is made anew CONCURRENTLY' },
  { broken: /^(vacuum full|cluster|lock( table)?)\b/, why: 'no statement may keep everybody from a table' },
  {
    broken: /\badd constraint \S+ (check|foreign key)\b/,
    unless: /\bnot valid\b/,
    why: 'a constraint is added NOT VALID, and validated by a later migration',
  },
  { broken: /\badd (constraint \S+ )?(unique|primary key|exclude)\b(?! using index)/, why: 'a key is made USING INDEX' },
  { broken: /\badd (check|foreign key)\b/, why: 'a constraint has a name, and is added NOT VALID' },
  { broken: /\bset not null\b/, why: 'NOT NULL reads the whole table: use a CHECK that is added NOT VALID' },
  { broken: /\balter column \S+ (set data )?type\b/, why: 'another type rewrites the table: add a column' },
  {
    broken: /\badd column\b[^,]*\bnot null\b(?![^,]*\bdefault\b)(?<!\bdefault\b.*)/,
    why: 'a column that must have a value has a DEFAULT',
  },
  {
    broken: /\badd column\b[^,]*\b(check|references|unique|primary key)\b/,
    why: 'a constraint of a new column is added by itself, NOT VALID',
  },
  {
    broken:
      /\badd column\b[^,]*\b(default \S*(random|uuid|clock_timestamp|nextval)\S*|generated always as \(.*\) stored|serial|bigserial|as identity)/,
    why: 'a value that differs by row rewrites the table',
  },
  { broken: /\brename\b/, why: 'the version before knows the old name: add, copy, and drop later' },
];

const CONTRACTION = /^drop (table|view|function|type)\b|\bdrop column\b/;

/** What docs/migrations.md asks of a migration and this one does not do; nothing is what every migration should get. */
export function brokenRules({ name, queries, isTransactional }: MigrationText): string[] {
  const statements = queries.flatMap(statementsOf);
  const made = new Set(statements.flatMap(({ text, table }) => (/^create (unlogged )?table\b/.test(text) ? (table ?? []) : [])));
  const onOldTables = statements.filter(({ table }) => table === undefined || !made.has(table));
  const broken = onOldTables.flatMap(({ text }) =>
    OF_STATEMENTS.filter((rule) => rule.broken.test(text) && !rule.unless?.test(text)).map(({ why }) => `${why}: ${text}`),
  );
  const concurrent = statements.filter(({ text }) => /\bconcurrently\b/.test(text));
  if (concurrent.length > 0 && (isTransactional || queries.some((query) => statementsOf(query).length > 1))) {
    broken.push('CONCURRENTLY needs isTransactional() false, and an addSql for each statement');
  }
  const altered = new Set(onOldTables.flatMap(({ text, table }) => (text.startsWith('alter table') ? (table ?? []) : [])));
  for (const { text, table } of onOldTables) {
    if (/^(update|delete|insert)\b/.test(text) && table !== undefined && altered.has(table)) {
      broken.push(`rows are changed by another migration than the one that has the lock of their table: ${text}`);
    }
    const validated = /\bvalidate constraint (\S+)/.exec(text)?.[1];
    if (validated !== undefined && statements.some((other) => other.text.includes(`add constraint ${validated} `))) {
      broken.push(`a constraint is validated by a later migration than the one that adds it: ${text}`);
    }
    if (CONTRACTION.test(text) && !/_drop_/.test(name)) {
      broken.push(`what drops something is a migration of its own, named …_drop_…, one release after nothing uses it: ${text}`);
    }
  }
  return broken;
}

function statementsOf(query: string): Statement[] {
  const bodiless = query.replaceAll(/\$(\w*)\$[^]*?\$\1\$/g, "''").replaceAll(/'(?:[^']|'')*'/g, "''");
  return bodiless
    .replaceAll(/--.*$/gm, '')
    .toLowerCase()
    .split(';')
    .map((text) => text.replaceAll(/\s+/g, ' ').trim())
    .filter((text) => text !== '')
    .map((text) => ({ text, table: tableOf(text) }));
}

const TABLE =
  /^(?:(?:create (?:unlogged )?table|alter table|drop table|update|delete from|insert into|lock table|lock|cluster|vacuum full|reindex table)(?: if (?:not )?exists)?(?: only)?|create (?:unique )?index.*? on(?: only)?) "?([a-z_]+)/;

const tableOf = (text: string) => TABLE.exec(text)?.[1];
