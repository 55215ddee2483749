import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * A signal that is repeated this soon is the same one: a terminal and a service manager reach every process, and npm
 * forwards what it receives.
 */
const sameMs = 250

const exitCodes = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const
type StopSignal = keyof typeof exitCodes

/**
 * Stops on the first SIGTERM or SIGINT, even during the start, and on what else is named; a second one ends the process
 * immediately. Returns a function that stops for another reason.
 */
export function onSignal(stop: () => Promise<void>, more: readonly StopSignal[] = []): () => void {
  let stoppingSince: number | undefined
  const begin = () => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > sameMs) process.exit(130)
      return
    }
    stoppingSince = performance.now()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`hawker: ${error instanceof Error ? error.message : error}\n`)
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT', ...more] as const) process.on(signal, begin)
  return begin
}

/**
 * Ends a short command on a signal, with what `onEnd` cleans up or says. The exit also stops the server that the command may
 * have started (embedded.ts).
 */
export function endOnSignal(onEnd: () => void = () => undefined): void {
  for (const [signal, code] of Object.entries(exitCodes))
    process.on(signal, () => {
      onEnd()
      process.exit(code)
    })
}

/** The parent of a process; undefined if it cannot be found out. */
function parentOf(pid: number): number | undefined {
  try {
    const line = process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    // The name of the program, in parentheses, may hold anything.
    const text = process.platform === 'linux' ? line.slice(line.lastIndexOf(')') + 2).split(' ')[1] : execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)])
    return Number(String(text).trim()) || undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

/**
 * Calls `onEnd` when a process that started this one ends. npm runs a command in a shell, and when npm is killed or its
 * terminal is closed, the signal reaches neither the shell nor this process: both would stay.
 */
export function watchAncestors(onEnd: () => void): void {
  if (process.platform === 'win32') return
  const parent = process.ppid
  const ancestors = [parent]
  // npm, its shell, and the process that waits for another Node.js (scripts/node.mjs).
  for (let i = process.connected ? 2 : 1; i > 0; i--) {
    const next = parentOf(ancestors.at(-1) ?? 0)
    if (next === undefined || next <= 1) break
    ancestors.push(next)
  }
  const timer = setInterval(() => {
    if (process.ppid === parent && ancestors.every(isAlive)) return
    clearInterval(timer)
    onEnd()
  }, 500)
  timer.unref()
}
