// Compiles what the comparison runs: the C programs, Undertow's baseline, and finds the others. Nothing is rebuilt
// that is newer than its sources.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const home = fileURLToPath(new URL('..', import.meta.url));
export const root = join(home, '..');
export const target = join(home, 'target');

const sources = join(home, 'src/main/c');
const programs = {
  loadgen: [
    'loadgen.c',
    'client.c',
    'transports.c',
    'messages.c',
    'hist.c',
    'json.c',
    'http.c',
    'ws.c',
    'sys.c',
  ],
  floor: ['floor.c', 'http.c', 'ws.c', 'sys.c'],
};

/** A mistake of the person or a lack of the machine, told in one sentence without a stack trace. */
export class Problem extends Error {}

function newest(directory) {
  return Math.max(...readdirSync(directory).map((name) => statSync(join(directory, name)).mtimeMs));
}

function isFresh(file, since) {
  return existsSync(file) && statSync(file).mtimeMs > since;
}

/** Runs a program to its end; `missing` is what to say when there is no such program. */
export function run(program, args, missing, options = {}) {
  const done = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (done.error?.code === 'ENOENT') throw new Problem(missing);
  if (done.error) throw done.error;
  if (done.status !== 0) {
    const command = [program, ...args].join(' ');
    throw new Problem(
      `${command.slice(0, 300)} ended with status ${done.status}:\n${done.stderr || done.stdout}`,
    );
  }
  return done.stdout;
}

/** The paths of the load generator and of the floor server. */
export function buildC() {
  const bin = join(target, 'bin');
  mkdirSync(bin, { recursive: true });
  const compiler = process.env.CC || 'gcc';
  const built = {};
  for (const [name, files] of Object.entries(programs)) {
    built[name] = join(bin, name);
    if (isFresh(built[name], newest(sources))) continue;
    const flags = ['-std=gnu11', '-O2', '-g', '-Wall', '-Wextra', '-Werror'];
    run(
      compiler,
      [...flags, '-o', built[name], ...files, '-lm'],
      `The load generator is written in C and there is no ${compiler} here; install a C compiler ` +
        '(Debian: apt install gcc libc6-dev) or name one in the variable CC.',
      { cwd: sources },
    );
  }
  return built;
}

function undertowVersion() {
  const pom = readFileSync(join(root, 'pom.xml'), 'utf8');
  const version = /<undertow\.version>([^<]+)</.exec(pom)?.[1];
  if (!version) throw new Problem('The property undertow.version is not in the pom.xml at the root.');
  return version;
}

/** The jars of Undertow, of the same version as Footbridge's: asked of Maven once. */
function undertowJars() {
  if (process.env.UNDERTOW_CLASSPATH) return process.env.UNDERTOW_CLASSPATH;
  const version = undertowVersion();
  const directory = join(target, 'undertow');
  const answer = join(directory, `classpath-${version}.txt`);
  if (!existsSync(answer) || !readFileSync(answer, 'utf8').split(delimiter).every(existsSync)) {
    mkdirSync(directory, { recursive: true });
    const pom = join(directory, 'pom.xml');
    writeFileSync(
      pom,
      `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.footbridge</groupId>
  <artifactId>footbridge-undertow-classpath</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>io.undertow</groupId><artifactId>undertow-core</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`,
    );
    const wrapper = join(root, 'mvnw');
    const maven = process.env.MAVEN || (spawnSync('mvn', ['--version']).error ? wrapper : 'mvn');
    run(
      maven,
      ['-q', '-B', '-f', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${answer}`],
      'Maven is needed once to find the jars of Undertow, and there is none here; ' +
        'install it (Debian: apt install maven) or give the jars in UNDERTOW_CLASSPATH.',
    );
  }
  return readFileSync(answer, 'utf8').trim();
}

/** The class path of the Undertow baseline, compiled. */
export function buildUndertowBaseline() {
  const classes = join(target, 'baseline-classes');
  const directory = join(home, 'src/main/java/dev/footbridge/load');
  const source = join(directory, 'UndertowBaseline.java');
  const jars = undertowJars();
  const compiled = join(classes, 'dev/footbridge/load/UndertowBaseline.class');
  if (!isFresh(compiled, statSync(source).mtimeMs)) {
    run(
      'javac',
      ['-proc:none', '--release', '17', '-cp', jars, '-d', classes, source],
      'There is no javac here; install a JDK of version 17 or newer (Debian: apt install default-jdk-headless).',
    );
  }
  return `${classes}${delimiter}${jars}`;
}

export function footbridgeJar(given) {
  const jar = given || join(root, 'bridge/target/footbridge.jar');
  if (!existsSync(jar))
    throw new Problem(
      `${jar} is not there; build it with ./mvnw -q package -DskipTests, or leave Footbridge out with --servers undertow,floor.`,
    );
  return jar;
}

/** The directory that has the `ws` package: the JavaScript client tests with it. */
export function wsPackage() {
  try {
    return createRequire(join(root, 'js-client/package.json')).resolve('ws');
  } catch {
    throw new Problem(
      'The server node-ws needs the package ws of the JavaScript client: run npm ci in js-client, or leave node-ws out.',
    );
  }
}
