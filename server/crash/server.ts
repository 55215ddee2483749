import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const apiKey = `test_${'c'.repeat(64)}`
export const salt = 's'.repeat(64)

/** From the built test (`server/dist/`) to the command. */
const command = fileURLToPath(new URL('../bin/hawker.mjs', import.meta.url))

export interface Running {
  readonly child: ChildProcess
  readonly url: string
  /** From the spawn to "ready". */
  readonly milliseconds: number
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

export interface Refused {
  readonly code: number | string
  readonly said: string
}

const environment = (directory: string) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  HAWKER_DATA_DIR: directory,
  HAWKER_API_KEY: apiKey,
  HAWKER_SALT: salt,
  PORT: '0',
  LOG_LEVEL: 'error',
})

/** Runs `hawker verify` beside the server; returns its output if something does not hold. */
export function runVerify(directory: string): Promise<string | undefined> {
  const child = spawn(process.execPath, [command, 'verify'], { env: environment(directory), stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    said += text
  })
  child.stderr.on('data', (text: Buffer) => {
    said += text
  })
  return new Promise((done) => child.once('close', (code) => done(code === 0 ? undefined : said)))
}

/** Runs `hawker start` on a data directory; resolves when it is ready, or when it has ended without becoming ready. */
export function startServer(directory: string): Promise<Running | Refused> {
  const began = performance.now()
  const child = spawn(process.execPath, [command, 'start'], {
    env: environment(directory),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  return new Promise((done) => {
    const ended = new Promise<number | string>((over) => child.once('close', (code, signal) => over(code ?? signal ?? 'unknown')))
    const hear = (text: Buffer) => {
      said = (said + text).slice(-20_000)
      const url = /ready \(\d+ ms\)[\s\S]*?API\s+(http:\S+)/.exec(said)?.[1]
      if (url) done({ child, url, milliseconds: Math.round(performance.now() - began), ended })
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    void ended.then((code) => done({ code, said }))
  })
}

/** The PostgreSQL of a data directory: its postmaster first, then the children (known on Linux only). */
export function postgresProcesses(directory: string): number[] {
  const postmaster = Number(readFileSync(join(directory, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])
  if (process.platform !== 'linux') return [postmaster]
  const parentOf = (pid: string) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    } catch {
      return undefined
    }
  }
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster)
  return [postmaster, ...children.map(Number)]
}

export function kill(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

export interface Sent {
  method: string
  path: string
  key?: string | undefined
  body?: Record<string, unknown> | undefined
}

export interface Answer {
  status: number
  text: string
  etag: string | undefined
  replayed: boolean
}

/** Sends requests over kept connections; undefined if no complete response arrived. */
export function client(url: string): { send(sent: Sent): Promise<Answer | undefined>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  return {
    send({ method, path, key, body }) {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const headers: Record<string, string> = { 'x-business-api-key': apiKey }
      if (payload !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) })
      if (key !== undefined) headers['idempotency-key'] = key
      return new Promise((done) => {
        const request = httpRequest(`${url}${path}`, { method, headers, agent, timeout: 30_000 }, (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part) => {
            text += part
          })
          response.on('end', () => {
            const { etag, 'idempotent-replayed': replayed } = response.headers
            done(response.complete ? { status: response.statusCode ?? 0, text, etag, replayed: replayed === 'true' } : undefined)
          })
          response.on('error', () => done(undefined))
        })
        request.on('timeout', () => request.destroy())
        request.on('error', () => done(undefined))
        request.end(payload)
      })
    },
    close: () => agent.destroy(),
  }
}
