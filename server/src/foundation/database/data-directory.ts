import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A start that cannot go on for a reason the person at the terminal can mend; printed without a stack. */
export class StartError extends Error {}

interface Holder {
  pid: number
  started: string | undefined
}

/** A mark that tells two processes with one pid apart: the kernel's start time, where it can be read (Linux). */
function startMark(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return started === undefined || startMark(pid) === started
}

/**
 * Takes the data directory for this process and returns the function that gives it back. A lock whose process is gone
 * (a crash, a power cut) is taken over; a living one is a `StartError`.
 */
export function lockDataDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const file = join(directory, 'hawker.lock')
  for (;;) {
    try {
      const descriptor = openSync(file, 'wx', 0o644)
      writeSync(descriptor, JSON.stringify({ pid: process.pid, started: startMark(process.pid) }))
      closeSync(descriptor)
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readHolder(file)
    if (holder && isAlive(holder)) {
      throw new StartError(
        `The data directory ${directory} is in use by another Hawker (process ${holder.pid}). Stop that one, or set HAWKER_DATA_DIR to another directory.`,
      )
    }
    // Renaming decides between two processes that find the same stale lock: only one of them succeeds.
    const aside = `${file}.${randomBytes(6).toString('hex')}`
    try {
      renameSync(file, aside)
      rmSync(aside, { force: true })
    } catch {}
  }
}

/** The process that holds a data directory, when there is one and it lives. */
export function dataDirectoryHolder(directory: string): number | undefined {
  const holder = readHolder(join(directory, 'hawker.lock'))
  return holder && isAlive(holder) ? holder.pid : undefined
}

function readHolder(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8'))
    return Number.isInteger(holder.pid) ? holder : undefined
  } catch {
    return undefined
  }
}

/** The 32-byte key that encrypts stored secrets, made on the first start and kept in the data directory, readable by its owner only. */
export function secretKeyIn(directory: string): Buffer {
  const file = join(directory, 'secret.key')
  const read = () => {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
    if (key.length !== 32) throw new StartError(`${file} must hold 64 hexadecimal digits.`)
    return key
  }
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  try {
    const descriptor = openSync(file, 'wx', 0o600)
    writeSync(descriptor, `${randomBytes(32).toString('hex')}\n`)
    closeSync(descriptor)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return read()
}
