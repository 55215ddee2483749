/**
 * What the server says of a payment request to the payer's page: in the page itself, from `GET …/state`, in the answer to
 * every attempt, and by server-sent events (`event: state`). The page shows this and nothing that it remembers itself, so
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
  }
  /** Null on a business's default link, where the payer types the amount and a request is made of it. */
  request: null | {
    id: string
    status: 'pending' | 'completed' | 'expired' | 'canceled' | 'failed' | 'inactive'
    /** Null when the payer types it. */
    amount: string | null
    purpose: string | null
    reference_number: string | null
    email: string | null
    name: string | null
    expires_at: string | null
    line_items: { name: string; quantity: number; price: string | null }[]
    /** Where the browser goes after the payment, with the reference and status; null where the merchant gave no address. */
    completed_url: string | null
    /** Where "back to the merchant" leads. */
    canceled_url: string | null
    /** Whether the same link takes further payments. */
    repeated: boolean
  }
  currency: string
  /** Digits after the decimal point. */
  decimals: number
  methods: CheckoutMethod[]
  /** The payment that this page began last, or the one that is under way. */
  attempt: null | {
    id: string
    method: string
    /** What the method is called; it may no longer be among those that can be chosen. */
    method_name?: string
    amount: string
    status: 'processing' | 'requires_action' | 'succeeded' | 'failed' | 'canceled'
    /** Where the payer has to go on, while the status is `requires_action`. */
    action_url: string | null
    /** The rail's reason, a word such as `insufficient_funds`; texts are the page's. */
    failure_code: string | null
  }
  /** The payment that completed the request. */
  paid: null | {
    charge_id: string
    method: string
    method_name?: string
    amount: string
    card: { brand: string; last4: string } | null
    at: string
    receipt_url: string | null
  }
  /** Money that came and does not count: too late, twice, too little or too much. What was given back still does not count. */
  unapplied: { charge_id: string; amount: string; reason: 'late' | 'duplicate' | 'short' | 'over'; returned?: boolean }[]
  /** The server's clock when it said this, for countdowns. */
  now: string
}

export interface CheckoutMethod {
  code: string
  name: string
  kind: 'card' | 'wallet' | 'qr' | 'redirect' | 'bank'
  icon_url: string
  /** The fee that the payer pays on top, and the sum; null where there is none or the amount is not known yet. */
  fee: string | null
  total: string | null
  /** Cards: who turns the number into a token. It never reaches our own API. */
  tokeniser: null | { type: 'simulator'; url: string } | { type: 'stripe'; url: string; publishable_key: string }
}

/** A code to scan: `POST …/codes` with `{method, amount?}`. */
export interface CheckoutCode {
  /** What the code says. */
  payload: string
  /** The code's modules: one text a row, `1` is dark. */
  rows: string[]
  /** When it can be scanned no longer; null while the request itself lasts. */
  expires_at: string | null
  /** Opens the payer's app on a phone, where the scheme has such an address. */
  app_url: string | null
  /** The code as a picture to save. */
  image_url: string
}

/** Everything that a page is rendered from, on the server and in the browser. */
export interface CheckoutData {
  state: CheckoutState
  language: string
  messages: Record<string, string>
  /** Shown inside a merchant's page by the drop-in. */
  embedded: boolean
  /** The method to begin with (`?method=`). */
  method: string | null
  /** The amount to begin with on a default link (`?amount=`). */
  amount: string | null
  /** What is wrong with the form of a default link that came back, by field. */
  errors?: Record<string, string[]>
  /** What was typed there, other than the amount. */
  typed?: Record<string, string>
}
