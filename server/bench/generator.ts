import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Load } from './load.ts'
import { personOf } from './people.ts'
import { finish, type Workspace } from './workspace.ts'

/** The requests that a generator sends. */
export interface Traffic {
  url: string
  apiKey: string
  connections: number
  seconds: number
  /** Paths to GET; without paths and posts, customers are created. */
  paths?: string[]
  /** Prepared requests, sent once each in this order, or over and over with `again`. */
  posts?: Post[]
  again?: boolean
  idempotencyKeys?: boolean
}

/** A prepared POST request. */
export interface Post {
  path: string
  headers: Record<string, string>
  body: string
}

const separator = '\u0001'
let runs = Math.floor(Date.now() / 1000) % 100_000

/** Bodies of plausible customers, split where each request inserts its own number (in the e-mail address) and phone. */
function bodyParts(): string[][] {
  return Array.from({ length: 2000 }, (_, i) => {
    const { name, email } = personOf(i)
    const [local = '', domain = ''] = email.split('@')
    const withMarks = JSON.stringify({ name, email: `${local.replace(/\d+$/, '')}#number@${domain}`, phone_number: '#phone', phone_number_country_code: '65' })
    return withMarks.split(/#number|#phone/)
  })
}

const luaDone = `
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\nfigures {"requests":%d,"microseconds":%d,"p50":%.1f,"p99":%.1f,"failed":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`

/** wrk's script. It assembles requests from prepared parts, which costs little CPU. */
function luaScript(traffic: Traffic, dataFile: string, run: number): string {
  const read = `local lines = {}\nfor line in io.lines(${JSON.stringify(dataFile)}) do lines[#lines + 1] = line end\n`
  const host = new URL(traffic.url).host
  const head = `Host: ${host}\\r\\nX-BUSINESS-API-KEY: ${traffic.apiKey}\\r\\n`
  if (traffic.paths) {
    return `${read}
function request()
  return 'GET ' .. lines[math.random(#lines)] .. ' HTTP/1.1\\r\\n${head}\\r\\n'
end
${luaDone}`
  }
  if (traffic.posts) {
    return `local requests = {}
local file = io.open(${JSON.stringify(dataFile)}, 'rb')
for one in file:read('*a'):gmatch('([^${separator}]+)') do requests[#requests + 1] = one end
file:close()
local count = 0
function request()
  count = count + 1
  ${traffic.again ? 'if count > #requests then count = 1 end' : 'if count >= #requests then wrk.thread:stop() end'}
  return requests[math.min(count, #requests)]
end
${luaDone}`
  }
  const key = traffic.idempotencyKeys ? `'Idempotency-Key: bench-${run}-' .. number .. '\\r\\n' ..` : ''
  return `${read}
local parts = {}
for i, line in ipairs(lines) do
  local a, b, c = line:match('^(.-)${separator}(.-)${separator}(.-)$')
  parts[i] = { a, b, c }
end
local count = 0
function request()
  count = count + 1
  local number = string.format('${run}%07d', count)
  local part = parts[math.random(#parts)]
  local body = part[1] .. number .. part[2] .. math.random(80000000, 99999999) .. part[3]
  return 'POST /v1/customers HTTP/1.1\\r\\n${head}Content-Type: application/json\\r\\n' .. ${key} 'Content-Length: ' .. #body .. '\\r\\n\\r\\n' .. body
end
${luaDone}`
}

/** A prepared request as HTTP text. */
function rawRequest(host: string, { path, headers, body }: Post): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** The file that wrk's script reads: requests, paths or parts of bodies. */
function trafficData({ url, posts, paths }: Traffic): string {
  if (posts) return posts.map((post) => rawRequest(new URL(url).host, post)).join(separator)
  return (paths ?? bodyParts().map((parts) => parts.join(separator))).join('\n')
}

interface Figures {
  requests: number
  microseconds: number
  p50: number
  p99: number
  failed: number
}

function loadFrom({ requests, microseconds, p50, p99, failed }: Figures): Load {
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed or were not answered with 2xx.`)
  if (requests === 0) throw new Error('No request was answered in time; use a longer --seconds.')
  return { requests, perSecond: (requests / microseconds) * 1e6, p50Ms: p50 / 1000, p99Ms: p99 / 1000 }
}

async function runWrk(workspace: Workspace, traffic: Traffic, run: number): Promise<Load> {
  const dataFile = join(workspace.folder, `traffic-${run}.txt`)
  const script = join(workspace.folder, `traffic-${run}.lua`)
  writeFileSync(dataFile, trafficData(traffic))
  writeFileSync(script, luaScript(traffic, dataFile, run))
  const { connections, seconds, url } = traffic
  const child = workspace.start('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { output } = await finish(child, seconds + 30)
  unlinkSync(dataFile)
  const figures = /^figures (.*)$/m.exec(output)?.[1]
  if (!figures) throw new Error(`wrk printed no figures:\n${output}`)
  return loadFrom(JSON.parse(figures) as Figures)
}

interface AutocannonResult {
  latency: { p50: number; p99: number }
  requests: { total: number }
  duration: number
  non2xx: number
  errors: number
  timeouts: number
}

type Autocannon = (options: object) => Promise<AutocannonResult>

/** Runs autocannon, the generator for machines without wrk; it uses more CPU. */
export async function autocannonProcess(file: string): Promise<void> {
  const { traffic, run } = JSON.parse(readFileSync(file, 'utf8')) as { traffic: Traffic; run: number }
  const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon
  const parts = bodyParts()
  const { paths } = traffic
  let count = 0
  const create = (request: object) => {
    count += 1
    const [a, b, c] = parts[count % parts.length] ?? []
    const body = `${a}${run}${String(count).padStart(7, '0')}${b}${80_000_000 + Math.floor(Math.random() * 2e7)}${c}`
    const key = traffic.idempotencyKeys ? { 'idempotency-key': `bench-${run}-${count}` } : {}
    return { ...request, method: 'POST', path: '/v1/customers', body, headers: { ...headers, ...key, 'content-type': 'application/json' } }
  }
  const headers = { 'x-business-api-key': traffic.apiKey }
  const read = (request: object) => ({ ...request, headers, path: paths?.[Math.floor(Math.random() * paths.length)] })
  const pay = (request: object) => {
    const post = traffic.posts?.[traffic.again ? count % traffic.posts.length : count]
    count += 1
    return { ...request, method: 'POST', ...post }
  }
  const { url, connections, seconds } = traffic
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    timeout: 10,
    requests: [{ setupRequest: traffic.posts ? pay : paths ? read : create }],
  })
  const failed = result.non2xx + result.errors + result.timeouts
  const { p50, p99 } = result.latency
  const figures: Figures = { requests: result.requests.total, microseconds: result.duration * 1e6, p50: p50 * 1000, p99: p99 * 1000, failed }
  process.stdout.write(JSON.stringify(figures))
}

async function runAutocannon(workspace: Workspace, traffic: Traffic, run: number): Promise<Load> {
  const file = join(workspace.folder, `traffic-${run}.json`)
  writeFileSync(file, JSON.stringify({ traffic, run }))
  const child = workspace.start(process.execPath, [fileURLToPath(import.meta.url), 'autocannon', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const { output } = await finish(child, traffic.seconds + 30)
  unlinkSync(file)
  return loadFrom(JSON.parse(output) as Figures)
}

/** Sends traffic for a time and measures it. Throws if a request fails or gets no 2xx. */
export async function runTraffic(workspace: Workspace, traffic: Traffic, { wrk }: { wrk: boolean }): Promise<Load> {
  runs += 1
  const load = await (wrk ? runWrk(workspace, traffic, runs) : runAutocannon(workspace, traffic, runs))
  if (traffic.posts && !traffic.again && load.requests + traffic.connections >= traffic.posts.length)
    throw new Error(`The ${traffic.posts.length} prepared requests ran out before the time was up; prepare more with --requests.`)
  return load
}
