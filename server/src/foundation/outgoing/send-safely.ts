import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { ownValue } from '@hawker/web/own-value'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import { type AddressExceptions, isPermittedAddress } from './public-address.ts'

/** Why there was no answer. `blocked` is our own refusal to connect; `failed` is anything that has no better name. */
export type SendFault = 'invalid_url' | 'invalid_request' | 'blocked' | 'dns' | 'refused' | 'unreachable' | 'tls' | 'reset' | 'timeout' | 'protocol' | 'failed'

export interface Sent {
  /** Any status, even 3xx: redirects are not followed. */
  status: number
  /** The headers that are kept, with names in lower case. */
  headers: Record<string, string>
  /** As UTF-8, at most `keptBodyBytes` of it; invalid bytes, and NUL, which PostgreSQL cannot store, become U+FFFD. */
  body: string
  /** The body was longer, or did not end in time. */
  bodyTruncated: boolean
  durationMs: number
}

export interface NotSent {
  error: SendFault
  /** A sentence for the delivery's record. Names no address that a host name resolved to: that would map our network. */
  message: string
  durationMs: number
}

export interface SendRequest {
  url: string
  headers: Readonly<Record<string, string>>
  body: string | Uint8Array
  /** For everything from DNS to the last byte of the answer; the sender's own limit by default. */
  timeoutMs?: number
}

export interface SenderOptions extends AddressExceptions {
  timeoutMs?: number
  connectTimeoutMs?: number
  keptBodyBytes?: number
  /** Connections per host; further requests wait while their time runs. */
  connectionsPerHost?: number
  /** All addresses of a host name; the system's resolver by default. Rejects with an error that has a DNS code. */
  resolve?: (hostname: string) => Promise<{ address: string; family: number }[]>
}

export interface SafeSender {
  /** Sends a POST and returns its result. Never throws, whatever the network or the other side does. */
  post(request: SendRequest): Promise<Sent | NotSent>
  /** Closes what is open; posts in flight fail. Waits for connections being opened, at most for the connect limit. */
  close(): Promise<void>
}

const keptHeaders = ['content-length', 'content-type', 'date', 'location', 'retry-after', 'server', 'x-request-id']

class Blocked extends Error {}

/**
 * A sender for URLs that merchants choose, which cannot be turned against the network that it runs in (rails standards §8).
 * Every address is checked when the connection is opened, literal or resolved, and the checked address is the one that is
 * connected to, so a host name that changes its address gains nothing. A host name with one refused address is refused.
 * Connections are reused per host. Live and sandbox need a sender each: a pool must not mix what they allow.
 */
export function createSafeSender(options: SenderOptions = {}): SafeSender {
  const { timeoutMs: usualTimeoutMs = 15_000, connectTimeoutMs = 5_000, keptBodyBytes = 65_536, connectionsPerHost = 128 } = options
  // Loaded with the first request: an installation that sends nothing does not need it.
  let agent: Promise<Agent> | undefined
  const open = async (): Promise<Agent> => {
    const undici = await import('undici')
    return new undici.Agent({
      connect: guardedConnector(undici.buildConnector, options, connectTimeoutMs),
      connections: connectionsPerHost,
      pipelining: 1,
      // One timer per request, ours, is enough; undici's would only round it.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  async function post({ url, headers, body, timeoutMs = usualTimeoutMs }: SendRequest): Promise<Sent | NotSent> {
    const begun = performance.now()
    const durationMs = () => Math.round(performance.now() - begun)
    const target = readTarget(url)
    if ('error' in target) return { ...target, durationMs: durationMs() }
    const limit = new AbortController()
    let timer: NodeJS.Timeout | undefined
    try {
      const { origin, path } = target
      agent ??= open()
      const request = (await agent).request({ origin, path, method: 'POST', headers, body, signal: limit.signal })
      // undici heeds the signal only once a request has a connection; a request waiting for one would exceed its time.
      const expired = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          limit.abort()
          reject(limit.signal.reason)
        }, timeoutMs)
      })
      const answer = await Promise.race([request, expired])
      const kept = await readBody(answer.body, keptBodyBytes)
      return { status: answer.statusCode, headers: keepHeaders(answer.headers), ...kept, durationMs: durationMs() }
    } catch (error) {
      if (limit.signal.aborted) return { error: 'timeout', message: `There was no response within ${timeoutMs} ms.`, durationMs: durationMs() }
      return { ...explainNetworkError(error), durationMs: durationMs() }
    } finally {
      clearTimeout(timer)
    }
  }

  return { post, close: async () => (await agent)?.destroy() }
}

function readTarget(text: string): { origin: string; path: string } | { error: SendFault; message: string } {
  const refuse = (message: string) => ({ error: 'invalid_url' as const, message })
  if (!URL.canParse(text)) return refuse('The URL is invalid.')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse(`The URL has the scheme ${url.protocol} instead of http or https.`)
  if (url.username !== '' || url.password !== '') return refuse('The URL contains a user name or password.')
  return { origin: url.origin, path: url.pathname + url.search }
}

function guardedConnector(build: typeof buildConnector, options: SenderOptions, connectTimeoutMs: number): buildConnector.connector {
  const { resolve = (hostname: string) => lookup(hostname, { all: true, order: 'verbatim' }) } = options
  const guardedLookup: LookupFunction = (hostname, _, callback) => {
    resolve(hostname).then(
      (addresses) => {
        if (addresses.length === 0) return callback(Object.assign(new Error('no addresses'), { code: 'ENODATA' }), [])
        const isPermitted = addresses.every(({ address }) => isPermittedAddress(address, options))
        return isPermitted ? callback(null, addresses) : callback(new Blocked('The host name resolves to an address that is not allowed.'), [])
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
  // Trying all families makes Node ask the lookup for all addresses, which is the format in which it answers.
  const connect = build({ timeout: connectTimeoutMs, lookup: guardedLookup, autoSelectFamily: true })
  return (target, callback) => {
    // Node never asks the lookup for an IP literal.
    if (isIP(target.hostname) !== 0 && !isPermittedAddress(target.hostname, options)) {
      callback(new Blocked('The host is an address that is not allowed.'), null)
      return
    }
    connect(target, callback)
  }
}

/** The beginning of a body. One that breaks off or is too long is truncated: the status has arrived, and it counts. */
async function readBody(body: Dispatcher.ResponseData['body'], most: number): Promise<{ body: string; bodyTruncated: boolean }> {
  const chunks: Buffer[] = []
  let length = 0
  let bodyTruncated = false
  try {
    for await (const chunk of body) {
      chunks.push(chunk as Buffer)
      length += (chunk as Buffer).length
      if (length > most) break // leaving the loop closes the connection
    }
    bodyTruncated = length > most
  } catch {
    bodyTruncated = true
  }
  // A character that the cut went through is dropped rather than shown as broken.
  const bytes = Buffer.concat(chunks).subarray(0, most)
  const text = new TextDecoder().decode(bytes, { stream: length > most })
  return { body: text.replaceAll('\0', '\ufffd'), bodyTruncated }
}

function keepHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of keptHeaders) {
    const value = ownValue(headers, name)
    if (value !== undefined) kept[name] = (Array.isArray(value) ? value.join(', ') : value).slice(0, 1024)
  }
  return kept
}

/** Faults of the network itself; the others are our refusals. */
type NetworkFault = Exclude<SendFault, 'blocked' | 'invalid_url'>

const faults: Record<string, NetworkFault> = {
  ENOTFOUND: 'dns',
  ENODATA: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ESERVFAIL: 'dns',
  ETIMEOUT: 'dns',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EPROTO: 'tls',
  HOSTNAME_MISMATCH: 'tls',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  UND_ERR_INVALID_ARG: 'invalid_request',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'invalid_request',
}

const messages: Record<NetworkFault, string> = {
  invalid_request: 'The request has a header that cannot be sent.',
  dns: 'The host name could not be resolved.',
  refused: 'The connection was refused.',
  unreachable: 'The host could not be reached.',
  tls: 'The secure connection could not be established.',
  reset: 'The connection was closed before a response arrived.',
  timeout: 'The connection could not be established in time.',
  protocol: 'The response is not HTTP.',
  failed: 'The request failed.',
}

/** What a network error means; the code is included, because it is what people search for. */
export function explainNetworkError(error: unknown): { error: SendFault; message: string } {
  if (error instanceof Blocked) return { error: 'blocked', message: error.message }
  const code = codeOf(error)
  const isTls = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/.test(code)
  const fault: NetworkFault = isTls ? 'tls' : code.startsWith('HPE_') || isParserError(error) ? 'protocol' : (ownValue(faults, code) ?? 'failed')
  const message = messages[fault]
  return { error: fault, message: code === '' ? message : `${message.slice(0, -1)} (${code}).` }
}

/** undici gives only some of its parser's errors a code. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPParserError'
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string') return code
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause
  return inner === error ? '' : codeOf(inner)
}
