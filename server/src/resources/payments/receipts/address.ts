import { createHmac, timingSafeEqual } from 'node:crypto'

/** Whose charge it is. */
export interface ReceiptOwner {
  readonly id: string
  readonly slug: string
}

/**
 * What makes a receipt's address unguessable: 128 bits of an HMAC over business and charge, base64url. Nothing is stored;
 * the same address comes out each time, and another installation's key makes another.
 */
export function receiptToken(secretKey: Buffer, businessId: string, chargeId: string): string {
  // The words in front keep it apart from whatever else may be signed with the key one day.
  return createHmac('sha256', secretKey).update(`hawker receipt ${businessId} ${chargeId}`).digest().subarray(0, 16).toString('base64url')
}

/** Whether a token is the receipt's, in the same time whichever of its characters is wrong. */
export function isReceiptToken(token: string, secretKey: Buffer, businessId: string, chargeId: string): boolean {
  const right = Buffer.from(receiptToken(secretKey, businessId, chargeId))
  const given = Buffer.from(token)
  return given.length === right.length && timingSafeEqual(given, right)
}

/** What a link to a receipt is made of. */
export interface ReceiptLinks {
  /** How this server is reached. */
  baseUrl: () => string
  secretKey: () => Buffer
}

/** Where a charge's receipt is, for whoever has the address; `.pdf` behind it is the PDF. */
export function receiptUrl(baseUrl: string, secretKey: Buffer, business: ReceiptOwner, chargeId: string): string {
  return `${baseUrl}/receipt/@${business.slug}/${chargeId}/${receiptToken(secretKey, business.id, chargeId)}`
}
