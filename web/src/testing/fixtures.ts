import type { CheckoutMethod, CheckoutState } from '../checkout/state.ts'

type Request = NonNullable<CheckoutState['request']>
type Attempt = NonNullable<CheckoutState['attempt']>

const method = (code: string, name: string, kind: CheckoutMethod['kind']): CheckoutMethod => ({
  code,
  name,
  kind,
  icon_url: `/icons/methods/svg/${code}.svg`,
  fee: null,
  total: null,
  tokeniser: kind === 'card' ? { type: 'simulator', url: '/sandbox/tokens' } : null,
})

/** A pending request for 49.90, with every kind of method. */
export function aState(over: Partial<CheckoutState> = {}, request: Partial<Request> = {}): CheckoutState {
  return {
    version: 1,
    business: {
      name: 'Corner Stall',
      slug: 'corner-stall',
      logo_url: null,
      support_email: 'help@example.com',
      support_url: null,
      sandbox: true,
      time_zone: 'Asia/Singapore',
    },
    request: {
      id: '01980000-0000-7000-8000-000000000001',
      status: 'pending',
      amount: '49.90',
      purpose: 'Order of 22 November',
      reference_number: 'INV-1',
      email: null,
      name: null,
      expires_at: '2026-11-22T05:00:00.000Z',
      line_items: [{ name: 'Laksa', quantity: 2, price: '19.00' }],
      completed_url: 'https://example.com/done',
      canceled_url: 'https://example.com/cart',
      repeated: false,
      ...request,
    },
    currency: 'sgd',
    decimals: 2,
    methods: [method('card', 'Cards', 'card'), method('paynow_online', 'PayNow', 'qr'), method('grabpay_direct', 'GrabPay', 'redirect')],
    attempt: null,
    paid: null,
    unapplied: [],
    now: '2026-11-22T04:00:00.000Z',
    ...over,
  }
}

/** The page's own payment. */
export function attemptOf(status: Attempt['status'], more: Partial<Attempt> = {}): Attempt {
  return { id: 'attempt', method: 'card', amount: '49.90', status, action_url: null, failure_code: null, ...more }
}
