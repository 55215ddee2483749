import { type BrowserServer, chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'
import { type Candidate, startChromium } from './chromium.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The run's browsers, one for each worker, since pages of one browser compete for the focus; or why there is none. */
    browser: { endpoints: string[] } | { missing: string }
  }
}

const args = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Nothing outside this machine exists: a page that asks for it fails, and no test depends on a network.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
]

function launch({ path }: Candidate, chromiumSandbox: boolean): Promise<BrowserServer> {
  return chromium.launchServer({
    ...(path === undefined ? {} : { executablePath: path }),
    headless: true,
    args,
    chromiumSandbox,
    timeout: 30_000,
    // Vitest ends the run on signals, and the teardown ends the browser; Playwright would end this process before PostgreSQL has stopped.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
}

/** Root cannot have Chromium's sandbox, containers of CI and some kernels do not allow it; what is opened here are our own pages. */
async function start(candidate: Candidate): Promise<BrowserServer> {
  if (process.getuid?.() === 0 || process.env['CI']) return launch(candidate, false)
  return launch(candidate, true).catch((error: unknown) => {
    if (error instanceof Error && /no usable sandbox|namespace|sandbox_host/i.test(error.message)) return launch(candidate, false)
    throw error
  })
}

/** As many as there are workers. */
const browsers = 2

/** A Chromium for each worker; Vitest asks for them only when a browser test is among the files to run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const started: BrowserServer[] = []
  const close = async (server: BrowserServer) => {
    const closed = server.close().then(() => true)
    const late = new Promise<false>((done) => setTimeout(done, 5_000, false).unref())
    if (!(await Promise.race([closed, late]))) await server.kill()
  }
  try {
    while (started.length < browsers) started.push(await startChromium({ start, say }))
    project.provide('browser', { endpoints: started.map((server) => server.wsEndpoint()) })
  } catch (error) {
    // The other tests still run; each browser test fails with this.
    const missing = error instanceof Error ? error.message : String(error)
    say(missing)
    project.provide('browser', { missing })
  }
  return async () => {
    await Promise.all(started.map(close))
  }
}
