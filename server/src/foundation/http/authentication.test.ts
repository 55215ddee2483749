import type { FastifyReply, FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { type Authenticator, identifying, type Known, unauthenticated } from './authentication.ts'

const business = { id: 'b' } as Business
const key: Known = { business, caller: { kind: 'key', keyId: 'k' } }
const staff: Known = { business, caller: { kind: 'staff', staffId: 's', role: 'owner' } }

/** Recognizes requests with a header of some name. */
const byHeader = (name: string, known: Known, isLate = false): Authenticator => ({
  authenticate(headers) {
    const found = headers[name] === undefined ? undefined : known
    if (headers[name] === 'wrong') throw unauthenticated()
    return isLate ? Promise.resolve(found) : found
  },
})

/** The caller that a list of authenticators finds, or the status of its error. */
function identified(authenticators: Authenticator[], headers: Record<string, string>): Promise<Known | null | number> {
  const request = { headers, known: null } as unknown as FastifyRequest
  return new Promise((resolve) => {
    const hook = identifying(authenticators) as (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void
    hook(request, {} as FastifyReply, (error) => resolve(error instanceof ApiError ? error.status : request.known))
  })
}

test.each([false, true])('the first authenticator that recognizes its credential decides, with a promise: %s', async (isLate) => {
  const all = [byHeader('x-key', key, isLate), byHeader('x-session', staff, isLate)]
  expect(await identified(all, { 'x-key': '1' })).toBe(key)
  expect(await identified(all, { 'x-session': '1' })).toBe(staff)
  expect(await identified(all, { 'x-key': '1', 'x-session': '1' })).toBe(key)
  expect(await identified([...all].reverse(), { 'x-key': '1', 'x-session': '1' })).toBe(staff)
})

test('a request without a credential, or with one that is not valid, is a 401', async () => {
  const all = [byHeader('x-key', key), byHeader('x-session', staff, true)]
  for (const headers of [{}, { 'x-key': 'wrong', 'x-session': '1' }, { other: '1' }]) expect(await identified(all, headers)).toBe(401)
  expect(await identified([], { 'x-key': '1' })).toBe(401)
})
