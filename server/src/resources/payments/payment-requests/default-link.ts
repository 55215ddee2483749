import { createHash } from 'node:crypto'
import { enabledMethods } from '#engine/rails/enabled-methods.ts'
import type { Business } from '#foundation/shared/business.ts'
import { timeOf } from '#foundation/shared/id-times.ts'
import { formatLocalTime } from '#foundation/shared/time.ts'
import type { PayableMethods } from '#resources/payments/rails/payable-methods.ts'
import type { PaymentRequest } from './wire.ts'

/**
 * The id of a business's default link, which exists as long as the business does and is stored nowhere: the same every time, and
 * greater than every id of a request, so that a list of the newest begins with it.
 */
export function defaultLinkId(businessId: string): string {
  const digest = createHash('sha256').update(`default link of ${businessId}`).digest('hex')
  return `ffff${digest.slice(0, 4)}-${digest.slice(4, 8)}-8${digest.slice(8, 11)}-8${digest.slice(11, 14)}-${digest.slice(14, 26)}`
}

/** The page on which a payer enters an amount (behaviour §2.3). */
export const defaultLinkUrl = ({ slug }: Business, baseUrl: string): string => `${baseUrl}/payment-request/@${slug}`

/** A business's default link in the shape of a payment request: Cal.com reads `data[0].url` of the list (behaviour §15). */
export function presentDefaultLink(business: Business, baseUrl: string, payable: PayableMethods): PaymentRequest {
  const created = formatLocalTime(new Date(timeOf(business.id)), business.timezone)
  return {
    id: defaultLinkId(business.id),
    name: null,
    email: null,
    phone: null,
    amount: null,
    currency: business.currency,
    is_currency_editable: false,
    status: 'pending',
    purpose: null,
    reference_number: null,
    payment_methods: enabledMethods(business, business.currency).filter((code) => payable === null || payable.has(code)),
    url: defaultLinkUrl(business, baseUrl),
    redirect_url: null,
    webhook: null,
    failed_webhook: null,
    send_sms: false,
    send_email: false,
    sms_status: 'pending',
    email_status: 'pending',
    allow_repeated_payments: true,
    add_admin_fee: false,
    expiry_date: null,
    address: null,
    line_items: null,
    metadata: {},
    channel: 'link',
    executor_id: null,
    customer_id: null,
    wifi_terminal_id: null,
    staff_id: null,
    business_location_id: null,
    created_at: created,
    updated_at: created,
  }
}
