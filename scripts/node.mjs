// Which Node.js runs the program: the one among the modules if the system's is older, or with
// HAWKER_NODE=system the system's own. Written for the oldest Node.js that can prepare a checkout.
import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The Node.js that the program is measured with; older ones run it too, down to `engines`. */
const wanted = 24

/** Flags that only the command line can set. docs/decisions/0018-node-24.md explains the size of the young generation. */
export const flags = ['--max-semi-space-size=16']

/** Set for the process that replaces this one, so that it searches no further. */
const mark = 'HAWKER_CHOSEN_NODE'

const { platform, arch, versions } = process
const major = Number(versions.node.split('.')[0])

/** The binary among the modules; npm installs the one for this machine, if there is one. */
const ownBinary = () => join(root, 'node_modules', `node-${platform === 'win32' ? 'win' : platform}-${arch}`, 'bin', platform === 'win32' ? 'node.exe' : 'node')

const isSame = (one, other) => existsSync(one) && realpathSync(one) === realpathSync(other)

/** The first `node` on PATH that is not the one among the modules: npm puts those first for its scripts. */
function systemBinary() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, platform === 'win32' ? 'node.exe' : 'node')
    try {
      accessSync(file, constants.X_OK)
      if (!isSame(file, ownBinary())) return file
    } catch {}
  }
  return undefined
}

const say = (line) => process.stderr.write(`${line}\n`)

/** The binary to run on instead of this one; undefined if this is the right one, or there is no better one. */
function betterBinary() {
  const own = ownBinary()
  const choice = process.env.HAWKER_NODE || undefined
  if (choice !== undefined && choice !== 'system') {
    say(`hawker: HAWKER_NODE must be system or not set, not ${JSON.stringify(choice)}.`)
    process.exit(2)
  }
  if (choice === 'system') return isSame(own, process.execPath) ? systemBinary() : undefined
  if (major >= wanted) return undefined
  if (existsSync(own)) return own
  say(`Hawker runs on ${process.version}: the modules contain no Node.js ${wanted} for this machine. HAWKER_NODE=system suppresses this line.`)
  return undefined
}

/**
 * Runs the same command on the right Node.js, replacing this process. If a process cannot be replaced (before
 * Node.js 22.15), it waits for the other and forwards signals, each once, and exits like that one. Returns only if
 * this process must continue.
 */
export async function runOnRightNode() {
  if (process.env[mark]) {
    delete process.env[mark]
    endWithParent()
    return
  }
  const binary = betterBinary()
  if (binary === undefined) return
  const args = [...new Set([...flags, ...process.execArgv]), ...process.argv.slice(1)]
  const env = { ...process.env, [mark]: '1' }
  if (process.execve) {
    // A process that fails to become the other one is lost, so it is tried out first.
    if (process.getBuiltinModule('node:child_process').spawnSync(binary, ['--version']).status === 0) process.execve(binary, [binary, ...args], env)
    say(`${binary} cannot be run; Hawker runs on ${process.version}.`)
    return
  }
  await new Promise((goOn) => {
    // In a group of its own, so that Ctrl-C reaches it once: from here.
    const child = process.getBuiltinModule('node:child_process').spawn(binary, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env, detached: true })
    const pass = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']
    child.once('error', (error) => {
      say(`${binary} cannot be run (${error.code ?? error.message}); Hawker runs on ${process.version}.`)
      for (const signal of signals) process.off(signal, pass)
      goOn()
    })
    for (const signal of signals) process.on(signal, pass)
    child.once('exit', (code, signal) => {
      for (const one of signals) process.off(one, pass)
      if (signal) process.kill(process.pid, signal)
      else process.exit(code ?? 1)
    })
  })
}

/** When the waiting process is killed, the channel to it breaks: then this one ends as on SIGTERM. */
function endWithParent() {
  if (!process.connected) return
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
