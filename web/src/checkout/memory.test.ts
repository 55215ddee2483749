import { describe, expect, test } from 'vitest'
import { isAnswered, memoryOf, randomKey, tryFor } from './memory.ts'

const keeper = () => {
  const values = new Map<string, string>()
  return {
    values,
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  }
}

describe('a payment without a response', () => {
  const sent = { key: 'first', body: { method: 'card', token: 'tok_1' }, before: null }

  test('a payment without a response is retried with its own key, so that it is made once', () => {
    expect(tryFor({ method: 'card', token: 'tok_1' }, sent, null, () => 'second')).toBe(sent)
  })

  test('a payment with another token, amount or method is a new one', () => {
    for (const body of [{ method: 'card', token: 'tok_2' }, { method: 'card', token: 'tok_1', amount: '5.00' }, { method: 'grabpay_direct' }]) {
      expect(tryFor(body, sent, 'before', () => 'second')).toEqual({ key: 'second', body, before: 'before' })
    }
  })

  test('a payment is resolved by an attempt that did not exist before', () => {
    expect(isAnswered(sent, null)).toBe(false)
    expect(isAnswered({ ...sent, before: 'old' }, { id: 'old' })).toBe(false)
    expect(isAnswered({ ...sent, before: 'old' }, { id: 'new' })).toBe(true)
  })

  test('a payment without a response survives a reload, separately for each request', () => {
    const shared = keeper()
    memoryOf(shared, 'one').keepTry(sent)
    expect(memoryOf(shared, 'one').unanswered()).toEqual(sent)
    expect(memoryOf(shared, 'two').unanswered()).toBeNull()
    memoryOf(shared, 'one').forgetTry()
    expect(shared.values.size).toBe(0)
  })
})

test('a key has the format of a random UUID', () => {
  expect(randomKey()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
