import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { en, type MessageKey } from '../messages/en.ts'
import { aState, attemptOf } from '../testing/fixtures.ts'
import type { CheckoutState } from './state.ts'
import { countdown, failureText, firstMethod, newer, safeUrl, viewOf } from './view.ts'

const fresh = { leftAttempt: null, unanswered: false }

describe('the view', () => {
  test.each(['expired', 'canceled', 'failed', 'inactive'] as const)('the view of a %s request says so', (status) => {
    expect(viewOf(aState({}, { status }), fresh)).toBe(status)
  })

  test('the view of a pending request lets the payer pay, even after a failure', () => {
    expect(viewOf(aState(), fresh)).toBe('pay')
    expect(viewOf(aState({ attempt: attemptOf('failed') }), fresh)).toBe('pay')
    expect(viewOf(aState({ attempt: attemptOf('canceled') }), fresh)).toBe('pay')
  })

  test('the view of an attempt in progress shows it', () => {
    expect(viewOf(aState({ attempt: attemptOf('processing') }), fresh)).toBe('processing')
    expect(viewOf(aState({ attempt: attemptOf('requires_action') }), fresh)).toBe('action')
  })

  test('the view of an attempt that the payer has left offers other methods, until it succeeds', () => {
    expect(viewOf(aState({ attempt: attemptOf('requires_action') }), { ...fresh, leftAttempt: 'attempt' })).toBe('pay')
    const paid = { charge_id: 'attempt', method: 'card', amount: '49.90', card: null, at: '2026-11-22T04:00:00Z', receipt_url: null }
    expect(viewOf(aState({ attempt: attemptOf('succeeded'), paid }, { status: 'completed' }), { ...fresh, leftAttempt: 'attempt' })).toBe('paid')
  })

  test('the view waits for an outcome although the request has expired', () => {
    expect(viewOf(aState({ attempt: attemptOf('processing') }, { status: 'expired' }), fresh)).toBe('processing')
    expect(viewOf(aState({ attempt: attemptOf('requires_action') }, { status: 'expired' }), fresh)).toBe('expired')
  })

  test('the view is paid when the state says so, and only then', () => {
    expect(viewOf(aState({}, { status: 'completed' }), fresh)).toBe('paid')
    expect(viewOf(aState({ attempt: attemptOf('succeeded') }), fresh)).toBe('paid')
    expect(viewOf(aState({}, { status: 'completed', repeated: true }), fresh)).toBe('pay')
    expect(viewOf(aState({ attempt: attemptOf('succeeded') }, { status: 'completed', repeated: true }), fresh)).toBe('paid')
  })

  test('the view does not show an unapplied payment as paid', () => {
    const unapplied: CheckoutState['unapplied'] = [{ charge_id: 'attempt', amount: '49.90', reason: 'late' }]
    expect(viewOf(aState({ attempt: attemptOf('succeeded'), unapplied }, { status: 'expired' }), fresh)).toBe('expired')
  })

  test('the view shows that the outcome is unknown, unless the state knows it', () => {
    expect(viewOf(aState(), { ...fresh, unanswered: true })).toBe('unsure')
    expect(viewOf(aState({ attempt: attemptOf('processing') }), { ...fresh, unanswered: true })).toBe('processing')
    expect(viewOf(aState({}, { status: 'completed' }), { ...fresh, unanswered: true })).toBe('paid')
  })

  test('the view of a default link asks for the amount', () => {
    expect(viewOf({ ...aState(), request: null }, fresh)).toBe('amount')
  })
})

describe('states that arrive in any order', () => {
  const said = fc.record({ version: fc.integer({ min: 0, max: 5 }), second: fc.integer({ min: 0, max: 5 }) })
  const stateAt = ({ version, second }: { version: number; second: number }) => aState({ version, now: `2026-11-22T04:00:0${second}.000Z` })
  const order = ({ version, now }: CheckoutState) => [version, now] as const

  test('the newest state stays shown', () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 1 }), (all) => {
        const states = all.map(stateAt)
        const shown = states.reduce(newer)
        const newest = [...states].sort((one, other) => other.version - one.version || other.now.localeCompare(one.now))[0] as CheckoutState
        expect(order(shown)).toEqual(order(newest))
      }),
    )
  })

  test('states never go back', () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 2 }), (all) => {
        let shown = stateAt(all[0] as { version: number; second: number })
        for (const next of all.map(stateAt)) {
          const after = newer(shown, next)
          expect(after.version > shown.version || (after.version === shown.version && after.now >= shown.now)).toBe(true)
          shown = after
        }
      }),
    )
  })
})

describe('details of the view', () => {
  test('a lost and a stolen card are shown as declined', () => {
    for (const code of ['lost_card', 'stolen_card', 'fraudulent', 'generic_decline', 'something_new', null]) expect(failureText(code)).toBe('failure.declined')
    expect(failureText('insufficient_funds')).toBe('failure.insufficient_funds')
  })

  test('a decline without a card speaks of the wallet or the app, and never of a bank or another card', () => {
    expect(failureText('generic_decline', 'redirect')).toBe('failure.declined_by')
    expect(failureText('payer_declined', 'qr')).toBe('failure.declined_app')
    const codes = ['insufficient_funds', 'authentication_failed', 'amount_too_large', 'card_not_supported', 'card_velocity_exceeded', 'anything', null]
    for (const kind of ['wallet', 'qr', 'redirect', 'bank'] as const) {
      for (const code of codes) expect(en[failureText(code, kind) as MessageKey]).not.toMatch(/card|your bank/i)
    }
  })

  test('the requested method is chosen before the remembered one, and a single one automatically', () => {
    const { methods } = aState()
    expect(firstMethod(methods, 'paynow_online', 'card')).toBe('paynow_online')
    expect(firstMethod(methods, 'unknown', 'card')).toBe('card')
    expect(firstMethod(methods, null)).toBeNull()
    expect(firstMethod(methods.slice(0, 1), null)).toBe('card')
  })

  test('the remaining time is counted down', () => {
    expect(countdown(299_001)).toBe('5:00')
    expect(countdown(3_899_000)).toBe('1:04:59')
    expect(countdown(-5)).toBe('0:00')
  })

  test('a browser is only sent to web addresses', () => {
    expect(safeUrl('https://example.com/done?a=1')).toBe('https://example.com/done?a=1')
    expect(safeUrl('/sandbox/wallet')).toBe('/sandbox/wallet')
    expect(safeUrl('javascript:alert(1)')).toBeNull()
    expect(safeUrl(null)).toBeNull()
  })
})
