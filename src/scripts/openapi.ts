import { writeFileSync } from 'node:fs';
import { createApp } from '../app.js';
import { readEnvironment } from '../platform/config/environment.js';
import { createOpenApiDocument } from '../platform/http/openapi-document.js';

// Needs no database: connections are made at the first query.
const environment = readEnvironment({});
const app = await createApp({ ...environment, DATABASE_URL: 'postgresql://nowhere/holdfast' }, { logger: false });
writeFileSync(process.argv[2] ?? 'openapi.json', `${JSON.stringify(createOpenApiDocument(app), null, 2)}\n`);
