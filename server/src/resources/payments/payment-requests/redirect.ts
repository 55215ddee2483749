/**
 * Where the payer's browser is redirected afterwards (behaviour §2.5): the merchant's own URL with its own query, and
 * `reference` (the request's id) and `status` added. Null if the merchant gave none.
 */
export function redirectUrl(merchantUrl: string | null, paymentRequestId: string, status: string): string | null {
  if (merchantUrl === null) return null
  const hash = merchantUrl.indexOf('#')
  const address = hash < 0 ? merchantUrl : merchantUrl.slice(0, hash)
  const fragment = hash < 0 ? '' : merchantUrl.slice(hash)
  const joint = address.includes('?') ? (/[?&]$/.test(address) ? '' : '&') : '?'
  return `${address}${joint}reference=${paymentRequestId}&status=${status}${fragment}`
}
