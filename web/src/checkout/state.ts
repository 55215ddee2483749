/**
 * The state of a payment request for the payer's page: in the page itself, from `GET …/state`, in the response to every
 * attempt, and by server-sent events (`event: state`). The page shows this and nothing that it remembers itself, so
 * a reload, a second tab and a crash show the same truth. Amounts are decimal text in major units, times are UTC.
 */
export interface CheckoutState {
  /** Grows with every change of the request or of its payments; an older state than the one shown is dropped. */
  version: number
  business: {
    name: string
    slug: string
    logo_url: string | null
    support_email: string | null
    support_url: string | null
    sandbox: boolean
    /** In which times are shown, such as `Asia/Singapore`. */
    time_zone: string
  }
  /** Null on a business's default link, where the payer enters the amount and a request is created. */
  request: null | {
    id: string
    status: 'pending' | 'completed' | 'expired' | 'canceled' | 'failed' | 'inactive'
    /** Null if the payer enters it. */
    amount: string | null
    purpose: string | null
    reference_number: string | null
    email: string | null
    name: string | null
    expires_at: string | null
    /** `price` is of one piece, `total` of all of them. */
    line_items: { name: string; quantity: number; price: string | null; total?: string | null }[]
    /** Where the browser is redirected after the payment, with the reference and status; null if the merchant gave no URL. */
    completed_url: string | null
    /** The target of "back to the merchant". */
    canceled_url: string | null
    /** Whether the same link accepts further payments. */
    repeated: boolean
  }
  currency: string
  /** Digits after the decimal point. */
  decimals: number
  methods: CheckoutMethod[]
  /** The payment that this page started last, or the one in progress. */
  attempt: null | {
    id: string
    method: string
    /** The name of the method, which may no longer be among those that can be chosen. */
    method_name?: string
    kind?: CheckoutMethod['kind']
    amount: string
    card?: { brand: string; last4: string } | null
    status: 'processing' | 'requires_action' | 'succeeded' | 'failed' | 'canceled'
    /** Where the payer must continue while the status is `requires_action`. */
    action_url: string | null
    /** The rail's reason, a code such as `insufficient_funds`; the texts are the page's. */
    failure_code: string | null
  }
  /** The payment that completed the request. */
  paid: null | {
    charge_id: string
    method: string
    method_name?: string
    amount: string
    /** What of it has been returned; null if nothing. */
    refunded?: string | null
    card: { brand: string; last4: string } | null
    at: string
    receipt_url: string | null
  }
  /** Payments that are not applied: late, duplicate, short or over. A refunded one is still not applied. */
  unapplied: { charge_id: string; amount: string; reason: 'late' | 'duplicate' | 'short' | 'over'; returned?: boolean }[]
  /** The server's clock when it sent this, for countdowns. */
  now: string
}

export interface CheckoutMethod {
  code: string
  name: string
  kind: 'card' | 'wallet' | 'qr' | 'redirect' | 'bank'
  icon_url: string
  /** Cards: the brands to show. */
  brands?: string[]
  /** The fee that the payer pays on top, and the sum; null if there is none or the amount is not known yet. */
  fee: string | null
  total: string | null
  /** Cards: what turns the number into a token. The number never reaches our own API. */
  tokeniser: null | { type: 'simulator'; url: string } | { type: 'stripe'; url: string; publishable_key: string }
}

/** A code to scan: `POST …/codes` with `{method, amount?}`. */
export interface CheckoutCode {
  /** The text of the code. */
  payload: string
  /** The code's modules: one text per row, `1` is dark. */
  rows: string[]
  /** Until when it can be scanned; null while the request itself lasts. */
  expires_at: string | null
  /** Opens the payer's app on a phone, if the scheme has such a URL. */
  app_url: string | null
  /** The code as a picture to save. */
  image_url: string
}

/** All data from which a page is rendered, on the server and in the browser. */
export interface CheckoutData {
  state: CheckoutState
  language: string
  messages: Record<string, string>
  /** Shown inside a merchant's page by the drop-in. */
  embedded: boolean
  /** The method to start with (`?method=`). */
  method: string | null
  /** The amount to start with on a default link (`?amount=`). */
  amount: string | null
  /** The errors of a default link's form that was sent back, by field. */
  errors?: Record<string, string[]>
  /** What was typed there, other than the amount. */
  typed?: Record<string, string>
}
