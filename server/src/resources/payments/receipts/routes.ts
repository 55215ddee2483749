import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findCheckoutSettings } from '#resources/business/checkout-settings/queries.ts'
import { receiptUrl } from './address.ts'
import { findReceipt } from './queries.ts'
import { addUpReceipt } from './receipt-wire.ts'
import { presentReceipt, ReceiptAnswer } from './wire.ts'

/** A charge's receipt for the merchant: its figures, and the URLs for the payer. */
export function receiptsRoutes(api: Api, { database, secretKey }: { database: Database; secretKey: () => Buffer }): void {
  const charges = api.group('Charges')
  charges.read(
    '/v1/charges/:charge_id/receipt',
    {
      operationId: 'getChargeReceipt',
      summary: "Get a charge's receipt",
      description: 'The contents of the receipt, and its URLs as a page and as a PDF. 404 for a charge that was not paid.',
      answers: { 200: ReceiptAnswer },
    },
    async ({ business, params, baseUrl }) => {
      const id = params.charge_id ?? ''
      const [row, settings] = await Promise.all([
        isUuid(id) ? findReceipt(database.db, business.id, id) : undefined,
        findCheckoutSettings(database.db, business.id),
      ])
      if (!row) throw notFound('Charge', id)
      const url = receiptUrl(baseUrl, secretKey(), business, row.id)
      return { status: 200, body: JSON.stringify(presentReceipt(addUpReceipt(row), { ...business, name: settings.display_name ?? business.name }, url)) }
    },
  )
}
