import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, posix, win32 } from 'node:path'
import { chromium } from 'playwright-core'

/** A browser that may be on this machine; one without a path is Playwright's own headless build, which Playwright finds itself. */
export interface Candidate {
  name: string
  path?: string
}

/** A way to install a browser; false if it does not exist on this machine or failed. */
export interface Installer {
  name: string
  install(): Promise<boolean>
}

type Environment = Record<string, string | undefined>

/** Chromium's headless shell: the same engine without the windows of a desktop browser, so a page costs a fraction. */
const shell = 'chromium-headless-shell'
const names = [shell, 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

/** Where browsers are installed, in addition to PATH. */
function usualPlaces(environment: Environment, platform: NodeJS.Platform): string[] {
  if (platform === 'darwin') {
    const programs = ['Google Chrome.app/Contents/MacOS/Google Chrome', 'Chromium.app/Contents/MacOS/Chromium']
    return ['/Applications', posix.join(homedir(), 'Applications')].flatMap((folder) => programs.map((program) => posix.join(folder, program)))
  }
  if (platform === 'win32') {
    const folders = [environment['PROGRAMFILES'], environment['PROGRAMFILES(X86)'], environment['LOCALAPPDATA']]
    const programs = ['Google\\Chrome\\Application\\chrome.exe', 'Chromium\\Application\\chrome.exe']
    return folders.flatMap((folder) => (folder ? programs.map((program) => win32.join(folder, program)) : []))
  }
  return [
    ...[shell, 'chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`),
    '/usr/lib/chromium/chromium',
    '/opt/google/chrome/chrome',
    '/snap/bin/chromium',
  ]
}

/** Existing browsers, the preferred one first: `CHROMIUM_PATH`, a headless shell, the system's, Playwright's. */
export function candidates(
  environment: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
  exists: (path: string) => boolean = existsSync,
): Candidate[] {
  const path = platform === 'win32' ? win32 : posix
  const onPath = (environment['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => names.map((name) => path.join(folder, platform === 'win32' ? `${name}.exe` : name)))
  const found = [...new Set([...onPath, ...usualPlaces(environment, platform), chromium.executablePath()])].filter((one) => exists(one))
  const isShell = (one: string) => path.basename(one).includes('headless-shell')
  const chosen = environment['CHROMIUM_PATH']
  return [
    ...(chosen ? [{ name: `CHROMIUM_PATH (${chosen})`, path: chosen }] : []),
    ...[...found.filter(isShell), ...found.filter((one) => !isShell(one))].map((one) => ({ name: one, path: one })),
    { name: "Playwright's headless shell" },
  ]
}

/** Runs a program to its end, or to its time limit; returns what it printed, or undefined if it failed. */
function output(program: string, args: string[], seconds: number, more: Environment = {}): Promise<string | undefined> {
  return new Promise((done) => {
    const options = { timeout: seconds * 1000, env: { ...process.env, ...more }, windowsHide: true, maxBuffer: 64e6 }
    execFile(program, args, options, (error, stdout) => done(error ? undefined : stdout))
  })
}

/** Whether a program is a browser at all: stubs of missing packages exit with an error. On Windows, asking opens a window. */
export async function saysVersion({ path }: Candidate, seconds = 15): Promise<boolean> {
  if (path === undefined || process.platform === 'win32') return true
  return /\d+\.\d+/.test((await output(path, ['--version'], seconds)) ?? '')
}

const debian: Installer = {
  name: "Debian's package chromium-headless-shell (apt-get, up to 7 minutes)",
  async install() {
    if ((await output('apt-get', ['--version'], 10)) === undefined) return false
    const isRoot = process.getuid?.() === 0
    if (!isRoot && (await output('sudo', ['-n', 'true'], 10)) === undefined) return false
    const [program, before] = isRoot ? ['apt-get', []] : ['sudo', ['-n', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']]
    const aptGet = (args: string[], seconds: number) =>
      output(program, [...before, '-qq', '-o', 'DPkg::Lock::Timeout=60', ...args], seconds, { DEBIAN_FRONTEND: 'noninteractive' })
    // One source of many that does not respond makes `update` fail, which need not concern us.
    await aptGet(['update'], 120)
    for (const one of [shell, 'chromium']) {
      if ((await aptGet(['install', '-y', '--no-install-recommends', one], 300)) !== undefined) return true
    }
    return false
  },
}

const playwright: Installer = {
  name: "Playwright's headless shell (a download, up to 5 minutes)",
  async install() {
    const program = `${dirname(createRequire(import.meta.url).resolve('playwright-core/package.json'))}/cli.js`
    return (await output(process.execPath, [program, 'install', 'chromium-headless-shell'], 300)) !== undefined
  },
}

/** What to do if no browser can be found or installed. */
export const advice = `The browser tests need a Chromium, and none could be found or installed. Do one of these:
  - install Chromium or Chrome, or set CHROMIUM_PATH to one that starts;
  - leave the browser tests out: HAWKER_BROWSER_TESTS=off npm test`

export interface Search<Started> {
  /** Starts a browser, or throws. */
  start: (candidate: Candidate) => Promise<Started>
  say: (line: string) => void
  find?: () => Candidate[]
  installers?: Installer[]
}

/** Starts the first browser that can be started; broken ones are skipped. Installs one if there is none, and fails with advice. */
export async function startChromium<Started>({ start, say, find = candidates, installers = [debian, playwright] }: Search<Started>): Promise<Started> {
  const tried = new Set<string>()
  const attempt = async () => {
    for (const candidate of find()) {
      // What did not start before an installation can start after it only if it is new.
      if (tried.has(candidate.path ?? '')) continue
      if (candidate.path !== undefined) tried.add(candidate.path)
      try {
        if (await saysVersion(candidate)) return { started: await start(candidate) }
        say(`${candidate.name} does not say its version; passed over.`)
      } catch (error) {
        const [why = ''] = String(error instanceof Error ? error.message : error).split('\n')
        if (candidate.path !== undefined) say(`${candidate.name} does not start (${why}); passed over.`)
      }
    }
    return undefined
  }
  let found = await attempt()
  for (const { name, install } of installers) {
    if (found) break
    say(`There is no Chromium that starts; installing ${name} …`)
    if (await install()) found = await attempt()
    else say('That did not work.')
  }
  if (!found) throw new Error(advice)
  return found.started
}
