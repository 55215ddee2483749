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

describe('a payment without an answer', () => {
  const sent = { key: 'first', body: { method: 'card', token: 'tok_1' }, before: null }

  test('is sent again with its own key, so that it is made once', () => {
    expect(tryFor({ method: 'card', token: 'tok_1' }, sent, null, () => 'second')).toBe(sent)
  })

  test('is another one with another token, amount or method', () => {
    for (const body of [{ method: 'card', token: 'tok_2' }, { method: 'card', token: 'tok_1', amount: '5.00' }, { method: 'grabpay_direct' }]) {
      expect(tryFor(body, sent, 'before', () => 'second')).toEqual({ key: 'second', body, before: 'before' })
    }
  })

  test('is answered by an attempt that was not there before', () => {
    expect(isAnswered(sent, null)).toBe(false)
    expect(isAnswered({ ...sent, before: 'old' }, { id: 'old' })).toBe(false)
    expect(isAnswered({ ...sent, before: 'old' }, { id: 'new' })).toBe(true)
  })

  test('survives a reload, request by request', () => {
    const shared = keeper()
    memoryOf(shared, 'one').keepTry(sent)
    expect(memoryOf(shared, 'one').unanswered()).toEqual(sent)
    expect(memoryOf(shared, 'two').unanswered()).toBeNull()
    memoryOf(shared, 'one').forgetTry()
    expect(shared.values.size).toBe(0)
  })
})

test('a key has the form of a random UUID', () => {
  expect(randomKey()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
