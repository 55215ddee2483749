import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import type { Post } from './generator.ts'
import { cpuSeconds } from './machine.ts'
import { commandFlags } from './servers.ts'
import type { Workspace } from './workspace.ts'

/** An answer of Hawker that a bare route repeats. */
export interface BareAnswer {
  method: 'GET' | 'POST'
  /** Fastify's route pattern. */
  route: string
  status: number
  headers: Record<string, string>
  /** The body. A list is kept in pieces and joined for each request: the text before the rows, the rows, the text after them. */
  body: string | { before: string; rows: string[]; after: string }
}

/** Headers that Node.js sets by itself. */
const automatic = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'])

function pieces(body: string): BareAnswer['body'] {
  const begin = '{"data":['
  const { data } = body.startsWith(begin) ? (JSON.parse(body) as { data: unknown[] }) : { data: [] }
  if (data.length === 0) return body
  const rows = data.map((row) => JSON.stringify(row))
  const after = body.slice(begin.length + rows.join(',').length)
  const made = { before: begin, rows, after }
  return begin + rows.join(',') + after === body ? made : body
}

/** Sends one request to Hawker and records the answer for a bare route. */
export async function recordAnswer(url: string, route: string, request: Post | { path: string; headers: Record<string, string> }): Promise<BareAnswer> {
  const { path, headers } = request
  const answer = await fetch(url + path, { headers, ...('body' in request ? { method: 'POST', body: request.body } : {}) })
  const body = await answer.text()
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status} ${body}`)
  return {
    method: 'body' in request ? 'POST' : 'GET',
    route,
    status: answer.status,
    headers: Object.fromEntries([...answer.headers].filter(([name]) => !automatic.has(name))),
    body: pieces(body),
  }
}

/** Runs the bare server: Fastify without hooks, schemas or a log. Prints its address, then serves. */
export async function bareProcess(file: string): Promise<void> {
  const fastify = Fastify()
  for (const { method, route, status, headers, body } of JSON.parse(readFileSync(file, 'utf8')) as BareAnswer[]) {
    const bodyText = typeof body === 'string' ? () => body : () => body.before + body.rows.join(',') + body.after
    fastify.route({ method, url: route, handler: (_request, reply) => reply.code(status).headers(headers).send(bodyText()) })
  }
  await fastify.listen({ host: '127.0.0.1', port: 0, backlog: 1024 })
  process.stdout.write(`${JSON.stringify(fastify.server.address())}\n`)
  await once(fastify.server, 'close')
}

/** A running bare server. */
export interface BareServer {
  readonly url: string
  cpu(): number | undefined
}

/** Starts the bare server in a process of its own, with the flags of Hawker's. */
export async function startBare(workspace: Workspace, answers: BareAnswer[]): Promise<BareServer> {
  const file = join(workspace.folder, 'bare.json')
  writeFileSync(file, JSON.stringify(answers))
  const child = workspace.start(process.execPath, [...commandFlags(), fileURLToPath(import.meta.url), 'bare', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((done, fail) => {
    child.stdout?.once('data', (chunk: Buffer) => done(String(chunk)))
    child.once('exit', () => fail(new Error('The bare server did not start.')))
  })
  const { port } = JSON.parse(line) as { port: number }
  return { url: `http://127.0.0.1:${port}`, cpu: () => cpuSeconds(child.pid ?? 0) }
}
