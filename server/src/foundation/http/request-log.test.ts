import type { FastifyReply, FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import type { Business } from '#foundation/shared/business.ts'
import type { Known } from './authentication.ts'
import { createLog, createMetrics } from './observability.ts'
import { afterResponse } from './request-log.ts'

const known: Known = {
  business: { id: '0198a000-0000-7000-8000-000000000000' } as Business,
  caller: { kind: 'key', keyId: '0198a000-0000-7000-8000-000000000001' },
}

/** What a log of some level writes about a request, and the fields of the same line. */
function linesOf(level: string, { id, url, status, who }: { id: string; url: string | undefined; status: number; who: Known | null }): string[] {
  const lines: string[] = []
  const log = createLog(level, { write: (line) => void lines.push(line) })
  const request = { id, method: 'GET', known: who, beganAt: performance.now(), routeOptions: { url } } as unknown as FastifyRequest
  afterResponse(log, createMetrics())(request, { statusCode: status } as FastifyReply, () => undefined)
  const { duration_ms } = JSON.parse(lines[0] ?? '{}')
  const caller = who?.caller.kind === 'key' ? who.caller.keyId : undefined
  const fields = { request_id: id, method: 'GET', route: url ?? '(unknown)', status, duration_ms, business_id: who?.business.id, key_id: caller }
  const plain = log.child({}, { redact: { paths: [] } })
  if (status >= 500) plain.error(fields, 'request')
  else plain.info(fields, 'request')
  return lines.map((line) => line.replace(/"time":"[^"]*"/, '"time":""'))
}

test.each([
  { id: 'req_1', url: '/v1/customers/:customer_id', status: 200, who: known },
  { id: 'req_2', url: '/v1/customers', status: 503, who: null },
  { id: 'a"b\\c\n\u2028\ud800é', url: '/a"b', status: 404, who: known },
  { id: 'req_3', url: undefined, status: 404, who: null },
])('the line of a request is the one that the log itself would write: $id, $status', (about) => {
  const [own, logged, ...more] = linesOf('info', about)
  expect(more).toEqual([])
  expect(own).toBe(logged)
})

test('a log that leaves out information writes the lines of failed requests alone', () => {
  expect(linesOf('error', { id: 'req_1', url: '/a', status: 200, who: known })).toEqual([])
  expect(linesOf('error', { id: 'req_1', url: '/a', status: 500, who: known })).toHaveLength(2)
  expect(linesOf('silent', { id: 'req_1', url: '/a', status: 500, who: known })).toEqual([])
})
