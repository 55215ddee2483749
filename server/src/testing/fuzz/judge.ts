import type { FuzzAnswer } from './exchange.ts'
import type { Shot } from './shots.ts'

export type FaultKind = 'server error' | 'slow' | 'no answer' | 'not JSON' | 'leak'

/** What no client should read: places in this program, its statements, and its secrets. */
const inside =
  /\bat .{0,80}\(?(file:\/\/|node:|\/[\w./-]+\.[cm]?[jt]s:\d)|node_modules|\bselect .{0,200} from "?\w+"? where|relation "\w+"|duplicate key value|syntax error at or near/

/** What is wrong with a response; undefined if nothing is. `secrets` are texts of another business. */
export function judge(
  shot: Shot,
  { status, headers, body, milliseconds }: FuzzAnswer,
  { secrets, slowMs }: { secrets: readonly string[]; slowMs: number },
): FaultKind | undefined {
  if (milliseconds > slowMs) return 'slow'
  if (status >= 500) return 'server error'
  // A request that is not whole need not be answered.
  const isWhole = shot.cutAt === undefined && shot.framing !== 'too long'
  if (status === 0) return isWhole ? 'no answer' : undefined
  const text = body.toString('utf8')
  if (inside.test(text) || secrets.some((secret) => text.includes(secret))) return 'leak'
  if (/^\/v1\//.test(shot.target) && body.length > 0 && !isReadable(headers.get('content-type') ?? '', text, headers.has('content-encoding'))) return 'not JSON'
  return undefined
}

function isReadable(type: string, text: string, isEncoded: boolean): boolean {
  if (isEncoded) return /^(application\/(problem\+)?json|text\/(csv|html))/.test(type)
  if (/^text\/(csv|html)/.test(type)) return true
  if (!/^application\/json/.test(type)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
