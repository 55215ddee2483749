import { createHmac, timingSafeEqual } from 'node:crypto'

/** The business and the charge of a receipt. */
export interface ReceiptOwner {
  readonly id: string
  readonly slug: string
}

/**
 * The unguessable part of a receipt's URL: 128 bits of an HMAC over business and charge, base64url. Nothing is stored;
 * the URL is always the same, and another installation's key gives another.
 */
export function receiptToken(secretKey: Buffer, businessId: string, chargeId: string): string {
  // The prefix separates it from whatever else may be signed with the key one day.
  return createHmac('sha256', secretKey).update(`hawker receipt ${businessId} ${chargeId}`).digest().subarray(0, 16).toString('base64url')
}

/** Whether a token is the receipt's, in a time that does not depend on which of its characters is wrong. */
export function isReceiptToken(token: string, secretKey: Buffer, businessId: string, chargeId: string): boolean {
  const right = Buffer.from(receiptToken(secretKey, businessId, chargeId))
  const given = Buffer.from(token)
  return given.length === right.length && timingSafeEqual(given, right)
}

/** The inputs of a link to a receipt. */
export interface ReceiptLinks {
  /** The URL of this server. */
  baseUrl: () => string
  secretKey: () => Buffer
}

/** The URL of a charge's receipt, readable by anyone who has it; with `.pdf` appended, it is the PDF. */
export function receiptUrl(baseUrl: string, secretKey: Buffer, business: ReceiptOwner, chargeId: string): string {
  return `${baseUrl}/receipt/@${business.slug}/${chargeId}/${receiptToken(secretKey, business.id, chargeId)}`
}
