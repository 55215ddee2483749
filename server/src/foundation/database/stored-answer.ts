/** A row of `idempotency_keys`, as written in the transaction of the effect. */
export interface StoredAnswer {
  business_id: string
  key: string
  object_id: string
  fingerprint: string
  status: number
  headers: string
  body: string
}

/** The columns that rows of a grouped insert carry for their idempotency records; null if a request has no key. */
export const answerColumns = {
  answer_key: 'text?',
  answer_fingerprint: 'json?',
  answer_status: 'smallint?',
  answer_headers: 'json?',
  answer_body: 'text?',
} as const

/**
 * The statement that claims the keys of a grouped insert's `rows` and returns the ids of those whose key was free.
 * `body` is the SQL of the answer's body. Keys are claimed in one order, so that two statements that share some cannot deadlock.
 */
export function claimKeysOfRowsSql(rows: string, body = 'answer_body'): string {
  return `insert into idempotency_keys (business_id, key, object_id, fingerprint, status, headers, body, created_at)
    select business_id, answer_key, id, answer_fingerprint, answer_status, answer_headers, ${body}, created_at from ${rows} where answer_key is not null
    order by business_id, answer_key
    on conflict (business_id, key) do nothing
    returning object_id`
}
