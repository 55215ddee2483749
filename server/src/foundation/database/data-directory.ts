import { createHash, randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A start that cannot continue for a reason that the person at the terminal can fix; printed without a stack. */
export class StartError extends Error {}

interface Holder {
  pid: number
  started: string | undefined
}

/** What the kernel reports about a process, where it can be read (Linux): its state, and a mark that distinguishes two processes with the same pid. */
function processFacts(pid: number): { state: string | undefined; started: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0], started: fields[19] }
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
  const facts = processFacts(pid)
  // A killed process that its parent has not reaped (in a container without an init) still has its pid, but holds nothing.
  if (facts?.state === 'Z' || facts?.state === 'X') return false
  return started === undefined || facts?.started === started
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function holderIn(text: string | undefined): Holder | undefined {
  try {
    const holder = JSON.parse(text ?? '')
    return Number.isInteger(holder.pid) ? holder : undefined
  } catch {
    return undefined
  }
}

/**
 * Acquires `file` as a lock, or returns its living holder. The file appears complete (as a link to one that is already
 * written), so nobody mistakes a lock in the making for a stale one. A stale lock is removed only under a lock of its
 * own, named after exactly that stale lock: of several processes that find it, none can remove another's new lock.
 */
function takeLock(file: string): { holder: Holder } | { release: () => void } {
  const mine = JSON.stringify({ pid: process.pid, started: processFacts(process.pid)?.started, mark: randomBytes(8).toString('hex') })
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}.new`
  writeFileSync(draft, mine, { mode: 0o644 })
  try {
    for (;;) {
      try {
        linkSync(draft, file)
        return {
          release: () => {
            if (readText(file) === mine) rmSync(file, { force: true })
          },
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const text = readText(file)
      if (text === undefined) continue
      const holder = holderIn(text)
      if (holder && isAlive(holder)) return { holder }
      const removal = takeLock(`${file}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`)
      if ('holder' in removal) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5) // another process is removing it at this moment
        continue
      }
      if (readText(file) === text) rmSync(file, { force: true })
      removal.release()
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

/**
 * Locks the data directory for this process and returns the function that releases it. A lock whose process is gone
 * (a crash, a power cut) is taken over; a living one is a `StartError`.
 */
export function lockDataDirectory(directory: string): () => void {
  let lock: ReturnType<typeof takeLock>
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    lock = takeLock(join(directory, 'hawker.lock'))
  } catch (error) {
    throw new StartError(`The data directory ${directory} cannot be used (${(error as Error).message}); set HAWKER_DATA_DIR to another one.`, { cause: error })
  }
  if ('release' in lock) return lock.release
  throw new StartError(
    `The data directory ${directory} is in use by another Hawker (process ${lock.holder.pid}). Stop it, or set HAWKER_DATA_DIR to another directory.`,
  )
}

/** The process that holds a data directory, if there is one and it is alive. */
export function dataDirectoryHolder(directory: string): number | undefined {
  const holder = holderIn(readText(join(directory, 'hawker.lock')))
  return holder && isAlive(holder) ? holder.pid : undefined
}

/** The 32-byte key that encrypts stored secrets, created on the first start and kept in the data directory, readable only by its owner. */
export function secretKeyIn(directory: string): Buffer {
  const file = join(directory, 'secret.key')
  const read = () => {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
    if (key.length !== 32) throw new StartError(`${file} must contain 64 hexadecimal digits.`)
    return key
  }
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  if (readText(file) !== undefined) return read()
  // Complete before it has its name: a crash while it is created leaves no key that nobody can read.
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true })
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return read()
}
