import { readFileSync, writeFileSync } from 'node:fs';
import { createApp } from '../app.js';
import { readEnvironment } from '../platform/config/environment.js';
import { createOpenApiDocument } from '../platform/http/openapi-document.js';

/** Writes the OpenAPI document to the given file; with `--check` after it, only says whether the file is current. */
const [file = 'openapi.json', option] = process.argv.slice(2);

// Needs no database: connections are made at the first query.
const environment = { ...readEnvironment({}), DATABASE_URL: 'postgresql://nowhere/none' };
const app = await createApp(environment, { logger: false, abortOnError: false });
const generated = `${JSON.stringify(createOpenApiDocument(app), null, 2)}\n`;

if (option !== '--check') {
  writeFileSync(file, generated);
} else if (readFileSync(file, 'utf8') !== generated) {
  console.error(`${file} is not what the code generates: run \`npm run openapi\` and commit the result.`);
  process.exitCode = 1;
}
