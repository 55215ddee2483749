import { execFile } from 'node:child_process'
import { existsSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { clearAll, newFolder } from './process.ts'

afterAll(clearAll)

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

// `npm ci` takes 20 s and the network, so this runs only on request.
test.runIf(process.env.HAWKER_SLOW_TESTS === '1')(
  'a fresh clone, in a path with spaces, installs and builds itself with the first command',
  async () => {
    const clone = join(newFolder('fresh clone'), 'hawker copy')
    await run('git', ['clone', '--quiet', root, clone])
    const help = () => run(process.execPath, [join(clone, 'server/bin/hawker.mjs'), '--help'], { cwd: clone, timeout: 240_000 })
    const first = await help()
    expect(first.stderr).toContain('Installing modules (npm ci)')
    expect(first.stdout).toContain('Usage: hawker <command>')
    expect(existsSync(join(clone, 'server/dist/main.js'))).toBe(true)

    // Existing modules are used; a newer lockfile installs again; a missing program is built again.
    expect((await help()).stderr).toBe('')
    rmSync(join(clone, 'server/dist'), { recursive: true })
    expect((await help()).stdout).toContain('Usage: hawker <command>')
    const later = new Date(Date.now() + 1000)
    utimesSync(join(clone, 'package-lock.json'), later, later)
    expect((await help()).stderr).toContain('Installing modules')
    expect((await run('git', ['status', '--porcelain'], { cwd: clone })).stdout).toBe('')
  },
  300_000,
)
