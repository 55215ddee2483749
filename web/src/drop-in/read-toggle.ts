/** What the frame must show, as its merchant's page requested. */
export interface Asked {
  /** The checkout's URL, on our own origin. */
  address: string
  /** Null for a business's default link. */
  paymentRequest: string | null
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** A default link, or the link of a request: shops pass either. */
const link = /^\/payment-request\/@([\w-]{1,64})(?:\/([0-9a-f-]{36})(?:\/checkout)?)?\/?$/i

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== ''

/** Whether a message requests to open. */
export const isToggle = (data: unknown): data is { type: 'toggle'; props?: unknown } => isObject(data) && data['type'] === 'toggle'

function readLink(defaultUrl: unknown, home: string): { slug: string; id: string | null; origin: string } | string {
  if (typeof defaultUrl !== 'string' || defaultUrl === '') return 'HitPay.init expects the link of your business as its first argument.'
  let url: URL
  try {
    url = new URL(defaultUrl, home)
  } catch {
    return 'The first argument of HitPay.init is not a URL.'
  }
  const [, slug, id] = /^https?:$/.test(url.protocol) ? (link.exec(url.pathname) ?? []) : []
  if (slug === undefined || (id !== undefined && !uuid.test(id)))
    return 'The first argument of HitPay.init is not the link of a business or of a payment request.'
  return { slug, id: id ?? null, origin: url.origin }
}

/**
 * Reads the message that opens the frame (behaviour §9.3). Every value must have the format of its place in the URL that is
 * returned, and that URL is on `home`, our own origin. Returns a text if something is wrong.
 */
export function readToggle(data: unknown, home: string): Asked | string {
  const props = isToggle(data) && isObject(data.props) ? data.props : {}
  const options = isObject(props['checkoutOptions']) ? props['checkoutOptions'] : {}
  const { paymentRequest, method, amount } = options
  const found = readLink(props['defaultUrl'], home)
  if (typeof found === 'string') return found

  const query = new URLSearchParams({ embed: '1' })
  if (isGiven(method)) {
    if (typeof method !== 'string' || !/^[a-z0-9_]{1,64}$/.test(method)) return 'The method is not the code of a payment method.'
    query.set('method', method)
  }
  if (isGiven(paymentRequest) && (typeof paymentRequest !== 'string' || !uuid.test(paymentRequest)))
    return 'The paymentRequest is not the id of a payment request.'
  const id = isGiven(paymentRequest) ? String(paymentRequest).toLowerCase() : found.id
  // An id belongs to one request of one business, whatever host its link was made with; a slug alone may be another business there.
  if (id === null && found.origin !== home) return `The first argument of HitPay.init points to ${found.origin}, but this frame belongs to ${home}.`
  if (id !== null) return { address: `/payment-request/@${found.slug}/${id}/checkout?${query}`, paymentRequest: id }

  if (isGiven(amount)) {
    const text = typeof amount === 'number' ? String(amount) : amount
    if (typeof text !== 'string' || !/^\d{1,12}(\.\d{1,3})?$/.test(text)) return 'The amount is not a decimal number such as 12.50.'
    query.set('amount', text)
  }
  return { address: `/payment-request/@${found.slug}/?${query}`, paymentRequest: null }
}
