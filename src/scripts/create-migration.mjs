// `npm run migration:create -- add_x` writes migrations/Migration<timestamp>_add_x.ts. Unlike the command of the MikroORM
// CLI it needs neither a build nor a database.
import { writeFileSync } from 'node:fs';

const name = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Name the change by a verb phrase in lower case: npm run migration:create -- add_seat_rows');
  process.exit(1);
}
const timestamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
const migration = `Migration${timestamp}_${name}`;
const file = `migrations/${migration}.ts`;
writeFileSync(
  file,
  `import { Migration } from '@mikro-orm/migrations';

export class ${migration} extends Migration {
  override up(): void {
    this.addSql(\`
    \`);
  }

  override down(): void {
    this.addSql(\`
    \`);
  }
}
`,
  { flag: 'wx' },
);
console.log(`Wrote ${file}: fill in up and down, then run \`npm run migrate\`.`);
