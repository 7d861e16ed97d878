import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { environmentReference, readEnvironment } from '../../src/platform/config/environment.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const yaml = (path: string): any => load(readFileSync(join(ROOT, path), 'utf8'), { schema: YAML11_SCHEMA });

interface Service {
  image?: string;
  build?: string;
  profiles?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  secrets?: string[];
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: string[] | Record<string, { condition: string }>;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, unknown>;
}

const compose = yaml('docker-compose.yml') as Compose;

describe('docker-compose.yml', () => {
  const services = Object.entries(compose.services);
  const ofProfile = (profile: string | undefined) =>
    services.filter(([, { profiles }]) => (profiles ?? [undefined]).includes(profile as never)).map(([name]) => name);
  const dependenciesOf = ({ depends_on: on = [] }: Service) => (Array.isArray(on) ? on : Object.keys(on));

  it('has the app by default, and two profiles', () => {
    expect(ofProfile(undefined)).toEqual(['postgres', 'migrate', 'app']);
    expect(ofProfile('scale')).toEqual(['replica', 'pgbouncer', 'app-pooled']);
    expect(ofProfile('observability')).toEqual(['prometheus', 'grafana', 'otel-collector']);
  });

  it('starts with each service what it depends on', () => {
    const missing = services.flatMap(([name, service]) => {
      const together = new Set([...ofProfile(undefined), ...(service.profiles ?? []).flatMap(ofProfile)]);
      return dependenciesOf(service).flatMap((other) => (together.has(other) ? [] : `${name}: ${other}`));
    });
    expect(missing).toEqual([]);
  });

  it('waits for what an app needs until it answers, or is done', () => {
    const conditions = services.flatMap(([name, { depends_on: on = [] }]) =>
      Array.isArray(on) ? [] : Object.entries(on).map(([other, { condition }]) => ({ name, other, condition })),
    );
    expect(conditions.filter(({ condition }) => condition === 'service_started')).toEqual([]);
    const healthy = conditions.filter(({ condition }) => condition === 'service_healthy').map(({ other }) => other);
    expect(new Set(healthy)).toEqual(new Set(['postgres', 'pgbouncer', 'replica']));
    expect(healthy.filter((other) => compose.services[other]!.healthcheck?.test === undefined)).toEqual([]);
  });

  it('gives the role of the apps the time-outs that PgBouncer needs, when the database is made', () => {
    const { volumes, environment } = compose.services['postgres']!;
    const [file] = volumes!.map((mount) => mount.split(':')).find(([, target]) => target!.endsWith('/role-time-outs.sql'))!;
    const settings = readFileSync(join(ROOT, file!), 'utf8').match(/^alter role .*;$/gm)!;
    const role = environment!['POSTGRES_USER'];
    expect(settings.map((line) => line.split(' = ')[0])).toEqual([
      `alter role ${role} set statement_timeout`,
      `alter role ${role} set idle_in_transaction_session_timeout`,
    ]);
    // The page shows the same.
    expect(settings.filter((line) => !readFileSync(join(ROOT, 'docs/scaling.md'), 'utf8').includes(line))).toEqual([]);
  });

  it('names the version of each image, or builds it', () => {
    const own = new Set(['holdfast']);
    const loose = services.filter(
      ([, { image, build }]) =>
        !own.has(image ?? '') && !/:v?\d+(\.\d+)*$/.test(image ?? '') && !existsSync(join(ROOT, build ?? '-', 'Dockerfile')),
    );
    expect(loose.map(([name]) => name)).toEqual([]);
  });

  it('mounts files that there are, and volumes and secrets that it declares', () => {
    const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!));
    const missing = mounts.filter((source) => {
      return source.startsWith('./') ? !existsSync(join(ROOT, source)) : !(source in compose.volumes);
    });
    expect(missing).toEqual([]);
    const secrets = services.flatMap(([, service]) => service.secrets ?? []);
    expect(secrets.filter((secret) => !(secret in compose.secrets))).toEqual([]);
  });

  it('publishes ports to this machine only, each once', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length);
  });

  it('gives the apps settings that they know, with values that they take', () => {
    const known = new Set(environmentReference.map(({ name }) => name));
    const apps = services.filter(([, { image }]) => image === 'holdfast');
    expect(apps.map(([name]) => name)).toEqual(['migrate', 'app', 'app-pooled']);
    for (const [, { environment = {} }] of apps) {
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
      const values = Object.entries(environment).map(([name, value]) => [
        name,
        value.replaceAll(/\$\{\w+:-\}/g, '').replaceAll(/\$\{\w+:\?[^}]*\}/g, 'secret'),
      ]);
      const { DATABASE_URL } = readEnvironment(Object.fromEntries(values) as Record<string, string>);
      expect(new URL(DATABASE_URL!).password).toBe('secret');
    }
    const pooled = compose.services['app-pooled']!.environment!;
    // One database: what one of them has encrypted the others must read.
    expect(Object.keys(pooled)).toEqual(expect.arrayContaining(Object.keys(compose.services['app']!.environment!)));
    expect(pooled['WEBHOOK_SECRET_KEY']).toBe('${WEBHOOK_SECRET_KEY:-}');
    expect([pooled['DATABASE_PGBOUNCER'], new URL(pooled['DATABASE_URL']!.replace(/:\$.*\}@/, '@')).host]).toEqual([
      'true',
      'pgbouncer:6432',
    ]);
  });
});

describe('what it mounts', () => {
  it.each(globSync('docker/**/*.sh', { cwd: ROOT }))('%s is a shell script', (script) => {
    expect(execFileSync('sh', ['-n', join(ROOT, script)]).toString()).toBe('');
  });

  it('lets Prometheus ask the apps, with the rules and the key that are mounted', () => {
    const { rule_files: rules, scrape_configs: jobs } = yaml('docker/prometheus.yml') as {
      rule_files: string[];
      scrape_configs: Array<Record<string, unknown>>;
    };
    const { volumes, secrets } = compose.services['prometheus']!;
    expect(volumes!.filter((mount) => rules.includes(mount.split(':')[1]!))).toHaveLength(rules.length);
    expect(jobs).toEqual([
      {
        job_name: 'holdfast',
        metrics_path: '/metrics',
        authorization: { credentials_file: `/run/secrets/${secrets![0]}` },
        dns_sd_configs: [{ names: ['app', 'app-pooled'], type: 'A', port: 3000 }],
      },
    ]);
  });

  it('lets Grafana find Prometheus and the dashboard', () => {
    const { datasources } = yaml('docker/grafana/datasource.yml') as { datasources: Array<{ url: string }> };
    expect(datasources.map(({ url }) => new URL(url).host)).toEqual(['prometheus:9090']);
    const { providers } = yaml('docker/grafana/dashboards.yml') as { providers: Array<{ options: { path: string } }> };
    const mounts = compose.services['grafana']!.volumes!;
    expect(mounts.some((mount) => mount.includes(`grafana-dashboard.json:${providers[0]!.options.path}/`))).toBe(true);
  });

  it('gives the collector pipelines of parts that are configured', () => {
    type Parts = Record<string, Record<string, unknown>>;
    const { service, ...parts } = yaml('docker/otel-collector.yml') as Parts & {
      service: { pipelines: Record<string, Record<string, string[]>> };
    };
    const used = Object.values(service.pipelines).flatMap((pipeline) =>
      Object.entries(pipeline).flatMap(([kind, names]) => names.map((name) => [kind, name] as const)),
    );
    expect(used.length).toBeGreaterThan(1);
    expect(used.filter(([kind, name]) => !(name in parts[kind]!))).toEqual([]);
  });
});
