import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { plainPng } from '#foundation/shared/png.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import { languageOf } from '#pages/language.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { findCheckoutLogo, findCheckoutSettings } from '#resources/business/checkout-settings/queries.ts'
import { logoUrl } from '#resources/business/checkout-settings/wire.ts'
import { isReceiptToken, receiptUrl } from '#resources/payments/receipts/address.ts'
import { findReceipt, type ReceiptRow } from '#resources/payments/receipts/queries.ts'
import { addUpReceipt } from '#resources/payments/receipts/receipt-wire.ts'
import { type Fonts, openFonts } from './fonts.ts'
import { type Language, languages, speech } from './language.ts'
import { notFoundPage, receiptPage } from './page.ts'
import { type Printed, receiptPdf } from './receipt-pdf.ts'
import { type PaperName, papers } from './sheet.ts'
import { pagePolicy } from './style.ts'

export interface ReceiptPagesDeps {
  database: Database
  secretKey: () => Buffer
  businessBySlug: FindBySlug
  /** The URL of the server; undefined means: as in the request. */
  publicUrl: string | undefined
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

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

function paperOf(asked: string | undefined): PaperName {
  const paper = (asked ?? 'a4').toLowerCase()
  if (Object.hasOwn(papers, paper)) return paper as PaperName
  throw new ApiError(422, 'validation_failed', 'The selected paper is invalid.', { errors: { paper: ['The selected paper is invalid.'] } })
}

const tags: readonly Language[] = languages.map(({ tag }) => tag)
const chosenLanguage = ({ query, headers }: FastifyRequest, fallback?: string | null) =>
  languageOf((query as Record<string, unknown>).lang, headers['accept-language'], tags, fallback ?? 'en') as Language

/** The business and the row of a URL; undefined if the URL is not one of ours. */
async function find(deps: ReceiptPagesDeps, params: Record<string, string>, token: string): Promise<{ business: Business; row: ReceiptRow } | undefined> {
  const { slug = '', charge_id: id = '' } = params
  if (!isUuid(id) || !/^[\w-]{22}$/.test(token)) return undefined
  const business = await deps.businessBySlug(slug)
  if (!business || !isReceiptToken(token, deps.secretKey(), business.id, id)) return undefined
  const row = await findReceipt(deps.database.db, business.id, id)
  return row && { business, row }
}

/** What is printed at a URL: the receipt in the look of its business, in the payer's language. */
async function printedAt(deps: ReceiptPagesDeps, request: FastifyRequest, token: string, isPdf: boolean): Promise<Printed | undefined> {
  const found = await find(deps, request.params as Record<string, string>, token)
  if (!found) return undefined
  const { business, row } = found
  const { db } = deps.database
  const settings = await findCheckoutSettings(db, business.id)
  const logo = isPdf && settings.logo_sha256 !== null ? await findCheckoutLogo(db, business.id) : undefined
  const image = logo?.content_type === 'image/png' ? plainPng(logo.data) : logo?.data
  const receipt = addUpReceipt(row)
  const baseUrl = deps.publicUrl ?? `${request.protocol}://${request.host}`
  return {
    receipt,
    business: { ...business, name: settings.display_name ?? business.name },
    logo: { url: logoUrl('', business, settings), image },
    speech: speech(chosenLanguage(request, settings.default_language), receipt, business.timezone),
    url: receiptUrl(baseUrl, deps.secretKey(), business, receipt.id),
  }
}

/** Number of PDFs kept, so that repeated requests for one do not generate it again and again. */
const keptFiles = 64

/** Generates PDFs, and keeps the last ones: the same receipt on the same paper is the same file. */
function printer(font: string | undefined): (printed: Printed, paper: PaperName) => Promise<Buffer> {
  let fonts: Promise<Fonts> | undefined
  const kept = new Map<string, Promise<Buffer>>()
  const set = async (printed: Printed, paper: PaperName) => {
    fonts ??= openFonts(font)
    return receiptPdf(await fonts, printed, paper)
  }
  return (printed, paper) => {
    const { receipt, business, logo, speech, url } = printed
    const content = JSON.stringify([receipt, business, logo.url, speech.language, url, paper], (_name, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    const key = sha256(content)
    const file = kept.get(key) ?? set(printed, paper)
    // The most recently requested one is evicted last.
    kept.delete(key)
    kept.set(key, file)
    file.catch(() => kept.delete(key))
    const [oldest] = kept.keys()
    if (kept.size > keptFiles && oldest !== undefined) kept.delete(oldest)
    return file
  }
}

/** Receipts for payers: a page and a PDF at a URL that cannot be guessed. */
export function receiptPages({ fastify }: Pick<Api, 'fastify'>, deps: ReceiptPagesDeps): void {
  const print = printer(deps.receiptFont)

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { token = '' } = request.params as Record<string, string>
    const query = request.query as Record<string, unknown>
    const isPdf = token.endsWith('.pdf')
    const printed = await printedAt(deps, request, isPdf ? token.slice(0, -4) : token, isPdf)
    const language = printed?.speech.language ?? chosenLanguage(request)
    reply.headers({ ...headers, 'content-language': language })
    if (!printed) return reply.code(404).type('text/html; charset=utf-8').send(notFoundPage(language))
    if (!isPdf) return reply.type('text/html; charset=utf-8').send(receiptPage(printed))
    const paper = paperOf(text(query.paper))
    const file = await print(printed, paper)
    reply.header('content-disposition', `inline; filename="receipt-${printed.receipt.id}.pdf"`)
    return reply.type('application/pdf').send(file)
  }

  fastify.get('/receipt/@:slug/:charge_id/:token', { schema: { hide: true } as never }, answer)
}
