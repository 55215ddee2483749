import { expect, test } from 'vitest'
import { conflict, invalid, notFound, spoken } from './errors.ts'

test('one invalid field is its own message, and further ones are counted', () => {
  expect(invalid({ email: ['The email field is required.'] }).message).toBe('The email field is required.')
  expect(invalid({ email: ['A.'], name: ['B.'] }).message).toBe('A. (and 1 more error)')
  expect(invalid({ email: ['A.', 'B.'], name: ['C.'] }).message).toBe('A. (and 2 more errors)')
  expect(invalid({}).message).toBe('The given data was invalid.')
  expect(invalid({ email: ['A.'] })).toMatchObject({ status: 422, code: 'validation_failed', errors: { email: ['A.'] } })
})

test("a missing object is reported in HitPay's words", () => {
  const id = '9ef68e2e-3569-4f69-9f68-04c7e4bb007c'
  expect(notFound('Customer', id)).toMatchObject({ status: 404, code: 'not_found', message: `No query results for model [App\\Business\\Customer] ${id}` })
})

test('a conflict says when to retry', () => {
  expect(conflict('busy', 'Busy.', { 'retry-after': '1' })).toMatchObject({ status: 409, code: 'busy', headers: { 'retry-after': '1' } })
})

test('a field name is written with spaces in messages', () => {
  expect(spoken('phone_number')).toBe('phone number')
  expect(spoken('address.postal_code')).toBe('address.postal code')
})
