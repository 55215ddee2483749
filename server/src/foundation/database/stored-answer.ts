/** A row of `idempotency_keys`, as it is written in the transaction of the effect. */
export interface StoredAnswer {
  business_id: string
  key: string
  object_id: string
  fingerprint: string
  status: number
  headers: string
  body: string
}
