// Generates TypeScript from openapi.json with two generators, and compiles it. The generators bring a TypeScript and 80 modules of
// their own, so that they are installed into a temporary folder, in fixed versions, and are no part of `npm test`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './node.mjs'

const versions = { 'openapi-typescript': '7.13.0', '@hey-api/openapi-ts': '0.95.0', typescript: '5.9.3' }
const folder = mkdtempSync(join(tmpdir(), 'hawker-clients-'))
const document = join(root, 'openapi.json')

function run(program, ...args) {
  const { status } = spawnSync(program, args, { cwd: folder, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed.`)
}

const compile = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable']
try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: versions }))
  run('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error')
  run('npx', 'openapi-typescript', document, '-o', 'types.ts')
  run('npx', 'tsc', ...compile, '--module', 'esnext', '--moduleResolution', 'bundler', 'types.ts')
  run('npx', 'openapi-ts', '-i', document, '-o', 'client')
  const files = readdirSync(join(folder, 'client')).filter((file) => file.endsWith('.ts'))
  run('npx', 'tsc', ...compile, '--module', 'esnext', '--moduleResolution', 'bundler', ...files.map((file) => join('client', file)))
  process.stdout.write('The TypeScript of both generators compiles.\n')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
