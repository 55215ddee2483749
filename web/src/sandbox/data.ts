/** A payment on one of the simulator's pages. Amounts are decimal text in major units. */
export interface SimulatedPayment {
  business: string
  method: { code: string; name: string }
  amount: string
  currency: string
  purpose: string | null
  reference: string | null
  card: { brand: string; last4: string } | null
  /** `waiting`: the payer is being asked; `answered`: there is an answer, and a second one changes nothing. */
  state: 'waiting' | 'answered'
  /** The charge's. */
  status: string
  unapplied_reason: string | null
  failure_code: string | null
  /** The status of the request: `completed`, `expired` and `canceled` accept no more payments. */
  request_status: string
  /** Where the browser returns; null if the payment was not started in one. */
  return_url: string | null
}

/** What the phone's banking app reads in a code: the response of `POST /sandbox/phone/read`. */
export interface ScannedCode {
  scheme: string
  payee: string
  /** Null if the payer enters it. */
  amount: string | null
  currency: string
  reference: string
  editable_amount: boolean
  /** Whether the payment request leaves its amount to the payer. */
  is_open: boolean
  /** The payment request's. */
  status: string
  /** Until when the code can be scanned. */
  expires_at: string | null
  /** When the payment request ends; null if it does not. */
  deadline: string | null
  method: string
  method_name: string
  payment_request_id: string
  /** The server's clock. */
  now: string
}

/** The result of a payment: the response of `POST /sandbox/phone/pay` and of the URL in it. */
export interface PhonePayment {
  payment_id: string
  payment_request_id: string
  status: string
  payment_request_status: string
  amount: string
  refunded_amount: string
  currency: string
  method: string
  unapplied_reason: string | null
  failure_code: string | null
  /** The URL at which the same is read again. */
  url: string
}
