import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder and child processes that do not outlive the run. */
export interface Workspace {
  readonly folder: string
  /** Registers what must be done at the end; the latest first. */
  atEnd(task: () => Promise<void> | void): void
  /** Starts a process that is killed at the end if it is still running. */
  start(program: string, args: string[], options?: SpawnOptions): ChildProcess
  close(): Promise<void>
}

export interface Finished {
  output: string
  errors: string
}

/** Creates the folder. Cleans up on signals and unexpected errors, too. */
export function openWorkspace(): Workspace {
  const folder = mkdtempSync(join(process.env.HAWKER_BENCH_DIR ?? tmpdir(), 'hawker-bench-'))
  chmodSync(folder, 0o755)
  const tasks: (() => Promise<void> | void)[] = []
  const children = new Set<ChildProcess>()
  let closing: Promise<void> | undefined

  async function end(): Promise<void> {
    for (const task of tasks.reverse()) {
      try {
        await task()
      } catch (error) {
        process.stderr.write(`At the end: ${error}\n`)
      }
    }
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  const close = () => {
    closing ??= end()
    return closing
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void close().finally(() => process.exit(130)))
  process.once('uncaughtException', (error) => {
    process.stderr.write(`bench: ${error.stack}\n`)
    void close().finally(() => process.exit(1))
  })
  return {
    folder,
    atEnd: (task) => void tasks.push(task),
    start(program, args, options = {}) {
      const child = spawn(program, args, options)
      children.add(child)
      child.once('exit', () => children.delete(child))
      return child
    },
    close,
  }
}

/** Waits for a process's end, at most for `seconds`; returns its output. Throws if it fails. */
export async function finish(child: ChildProcess, seconds: number): Promise<Finished> {
  let output = ''
  let errors = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk
  })
  const late = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail)
    child.once('close', done)
  })
  clearTimeout(late)
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code ?? child.signalCode}: ${(errors.trim() || output.trim()).slice(-1500)}`)
  return { output, errors }
}

export const sleep = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds))
