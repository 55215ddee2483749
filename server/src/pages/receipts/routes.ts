import type { Database } from '#foundation/database/database.ts'
import type { Api, PageCall, ParamsIn } from '#foundation/http/api.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { languageOf } from '#pages/language.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { findCheckoutLogo, findCheckoutSettings, issuerOf } from '#resources/business/checkout-settings/queries.ts'
import { logoUrl } from '#resources/business/checkout-settings/wire.ts'
import { isReceiptToken, receiptUrl } from '#resources/payments/receipts/address.ts'
import { type Language, languages, speech } from '#resources/payments/receipts/language.ts'
import { findReceipt, type ReceiptRow } from '#resources/payments/receipts/queries.ts'
import { addUpReceipt } from '#resources/payments/receipts/receipt-wire.ts'
import { notFoundPage, receiptPage } from './page.ts'
import { receiptPrinter } from './print-receipts.ts'
import type { PrintTask } from './print-worker.ts'
import type { Printed } from './receipt-pdf.ts'
import { type PaperName, papers } from './sheet.ts'
import { pagePolicy } from './style.ts'

export interface ReceiptPagesDeps {
  database: Database
  secretKey: () => Buffer
  businessBySlug: FindBySlug
  /** A font file for characters that ours lack. */
  receiptFont?: string | undefined
}

/** The URL is the payer's capability: it is not sent to other sites, not indexed by search engines and not cached. */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': pagePolicy,
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow',
  vary: 'accept-language',
}

function paperOf(asked: string | undefined): PaperName {
  const paper = (asked ?? 'a4').toLowerCase()
  if (Object.hasOwn(papers, paper)) return paper as PaperName
  throw new ApiError(422, 'validation_failed', 'The selected paper is invalid.', { errors: { paper: ['The selected paper is invalid.'] } })
}

type ReceiptCall = PageCall<ParamsIn<'/receipt/@:slug/:charge_id/:token'>, 'lang' | 'paper'>

const tags: readonly Language[] = languages.map(({ tag }) => tag)
const chosenLanguage = ({ query, headers }: Pick<ReceiptCall, 'query' | 'headers'>, fallback?: string | null) =>
  languageOf(query.lang, headers['accept-language'], tags, fallback ?? 'en') as Language

/** The business and the row of a URL; undefined if the URL is not one of ours. */
async function find(
  deps: ReceiptPagesDeps,
  { slug, charge_id: id }: ReceiptCall['params'],
  token: string,
): Promise<{ business: Business; row: ReceiptRow } | undefined> {
  if (!isUuid(id) || !/^[\w-]{22}$/.test(token)) return undefined
  const business = await deps.businessBySlug(slug)
  if (!business || !isReceiptToken(token, deps.secretKey(), business.id, id)) return undefined
  const row = await findReceipt(deps.database.db, business.id, id)
  return row && { business, row }
}

/** What is shown at a URL: the receipt in the look of its business, in the payer's language, and the logo for the PDF. */
async function printedAt(
  deps: ReceiptPagesDeps,
  call: ReceiptCall,
  token: string,
  isPdf: boolean,
): Promise<{ printed: Printed; logo: PrintTask['logo'] } | undefined> {
  const found = await find(deps, call.params, token)
  if (!found) return undefined
  const { business, row } = found
  const { db } = deps.database
  const settings = await findCheckoutSettings(db, business.id)
  const logo = isPdf && settings.logo_sha256 !== null ? await findCheckoutLogo(db, business.id) : undefined
  const receipt = addUpReceipt(row)
  const printed = {
    receipt,
    business: { ...business, name: settings.display_name ?? business.name },
    issuer: issuerOf(settings),
    logo: { url: logoUrl('', business, settings), image: undefined },
    speech: speech(chosenLanguage(call, settings.default_language), receipt, business.timezone),
    url: receiptUrl(call.address, deps.secretKey(), business, receipt.id),
  }
  return { printed, logo: logo && { contentType: logo.content_type, data: logo.data } }
}

/** Receipts for payers: a page and a PDF at a URL that cannot be guessed. */
export function receiptPages(api: Api, deps: ReceiptPagesDeps): void {
  const print = receiptPrinter()
  api.page('/receipt/@:slug/:charge_id/:token', { query: ['lang', 'paper'] }, async (call) => {
    const { token } = call.params
    const isPdf = token.endsWith('.pdf')
    const { printed, logo } = (await printedAt(deps, call, isPdf ? token.slice(0, -4) : token, isPdf)) ?? {}
    const language = printed?.speech.language ?? chosenLanguage(call)
    const page = { ...headers, 'content-language': language, 'content-type': 'text/html; charset=utf-8' }
    if (!printed) return { status: 404, headers: page, body: notFoundPage(language) }
    if (!isPdf) return { status: 200, headers: page, body: receiptPage(printed) }
    const { receipt, business, issuer, url } = printed
    const file = await print({ receipt, business, issuer, language, url, paper: paperOf(call.query.paper), logo, font: deps.receiptFont })
    const disposition = `inline; filename="receipt-${printed.receipt.id}.pdf"`
    return { status: 200, headers: { ...page, 'content-type': 'application/pdf', 'content-disposition': disposition }, body: file }
  })
}
