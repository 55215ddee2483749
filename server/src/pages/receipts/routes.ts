import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '../../foundation/database/database.ts'
import type { Api } from '../../foundation/http/api.ts'
import type { Business } from '../../foundation/shared/business.ts'
import { ApiError } from '../../foundation/shared/errors.ts'
import { isUuid } from '../../foundation/shared/ids.ts'
import { isReceiptToken, receiptUrl } from '../../foundation/shared/receipt-address.ts'
import { findBusinessesBySlug } from '../../resources/businesses/queries.ts'
import { findReceipt } from '../../resources/receipts/queries.ts'
import { receiptOf } from '../../resources/receipts/receipt.ts'
import type { Branding } from './branding.ts'
import { type Fonts, openFonts } from './fonts.ts'
import { chooseLanguage, type Language, speech } from './language.ts'
import { notFoundPage, receiptPage } from './page.ts'
import { type Printed, receiptPdf } from './receipt-pdf.ts'
import { type PaperName, papers } from './sheet.ts'
import { pagePolicy } from './style.ts'

export interface ReceiptPagesDeps {
  database: Database
  secretKey: () => Buffer
  /** How the server is reached; undefined means: as the request came. */
  publicUrl: string | undefined
  /** How a business looks; its name in letters where nobody says. */
  branding?: (business: Business) => Promise<Branding>
  /** A font file for characters that ours do not have. */
  receiptFont?: string | undefined
}

/** The address is the payer's capability: it is not passed on to other sites, not found by search engines and not kept by caches. */
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

/** The receipt that an address leads to, in a language; undefined where the address is not one of ours. */
async function find(deps: ReceiptPagesDeps, request: FastifyRequest, token: string, language: Language): Promise<Printed | undefined> {
  const { slug = '', charge_id: id = '' } = request.params as Record<string, string>
  if (!isUuid(id) || !/^[\w-]{22}$/.test(token)) return undefined
  const key = deps.secretKey()
  const named = await findBusinessesBySlug(deps.database.db, slug)
  const business = named.find((one) => isReceiptToken(token, key, one.id, id))
  const row = business && (await findReceipt(deps.database.db, business.id, id))
  if (!row) return undefined
  const receipt = receiptOf(row)
  const baseUrl = deps.publicUrl ?? `${request.protocol}://${request.host}`
  return {
    receipt,
    business,
    branding: (await deps.branding?.(business)) ?? {},
    speech: speech(language, receipt, business.timezone),
    url: receiptUrl(baseUrl, key, business, receipt.id),
  }
}

/** Receipts for payers: a page and a PDF behind an address that cannot be guessed. */
export function receiptPages({ fastify }: Pick<Api, 'fastify'>, deps: ReceiptPagesDeps): void {
  let fonts: Promise<Fonts> | undefined

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { token = '' } = request.params as Record<string, string>
    const query = request.query as Record<string, unknown>
    const isPdf = token.endsWith('.pdf')
    const language = chooseLanguage(text(query.lang), request.headers['accept-language'])
    const printed = await find(deps, request, isPdf ? token.slice(0, -4) : token, language)
    reply.headers({ ...headers, 'content-language': language })
    if (!printed) return reply.code(404).type('text/html; charset=utf-8').send(notFoundPage(language))
    if (!isPdf) return reply.type('text/html; charset=utf-8').send(receiptPage(printed))
    const paper = paperOf(text(query.paper))
    fonts ??= openFonts(deps.receiptFont)
    const file = await receiptPdf(await fonts, printed, paper)
    reply.header('content-disposition', `inline; filename="receipt-${printed.receipt.id}.pdf"`)
    return reply.type('application/pdf').send(file)
  }

  fastify.get('/receipt/@:slug/:charge_id/:token', { schema: { hide: true } as never }, answer)
}
