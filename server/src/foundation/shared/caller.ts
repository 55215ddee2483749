/** What causes a change: an API key, a staff member, a payer on a page, or Hawker itself (a job, a rail's notification). */
export type Caller =
  | { readonly kind: 'key'; readonly keyId: string }
  | { readonly kind: 'staff'; readonly staffId: string; readonly role: string }
  | { readonly kind: 'payer' }
  | { readonly kind: 'system' }

export const payer: Caller = { kind: 'payer' }
export const system: Caller = { kind: 'system' }

/** A caller as it is stored with events: `key:<id>`, `staff:<id>`, `payer` or `system`. */
export function callerText(caller: Caller): string {
  if (caller.kind === 'key') return `key:${caller.keyId}`
  if (caller.kind === 'staff') return `staff:${caller.staffId}`
  return caller.kind
}

/** What `callerText` wrote, with the id of the key or staff member. */
export function readCallerText(text: string): { kind: string; id: string | null } {
  const colon = text.indexOf(':')
  return colon < 0 ? { kind: text, id: null } : { kind: text.slice(0, colon), id: text.slice(colon + 1) }
}

/** The API key behind a caller; null if there is none. */
export const keyIdOf = (caller: Caller): string | null => (caller.kind === 'key' ? caller.keyId : null)
