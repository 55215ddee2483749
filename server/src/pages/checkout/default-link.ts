import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Api } from '#foundation/http/api.ts'
import { payer } from '#foundation/shared/caller.ts'
import { ApiError, type FieldErrors } from '#foundation/shared/errors.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import type { createPaymentRequest } from '#resources/payments/payment-requests/create-payment-request.ts'
import type { CreatePaymentRequest } from '#resources/payments/payment-requests/wire.ts'
import { typed } from './attempts.ts'
import { defaultLinkState } from './checkout-state.ts'
import { type CheckoutDeps, type Found, findMerchant, sendCheckout, sendNotFound, text } from './routes.ts'

export interface DefaultLinkDeps extends CheckoutDeps {
  createPaymentRequest: ReturnType<typeof createPaymentRequest>
}

type LinkRequest = FastifyRequest<{ Params: { slug: string } }>

/** What the form of the page says, with its faults by field. */
function readForm(form: Record<string, unknown>, { merchant }: Found): { body: CreatePaymentRequest; errors: FieldErrors } {
  const { currency } = merchant.business
  const errors: FieldErrors = {}
  const line = (name: string, most: number) => {
    const value = text(form[name])?.trim()
    if (value === undefined || value.length <= most) return value || undefined
    errors[name] = [`The ${name} must not be greater than ${most} characters.`]
    return undefined
  }
  const name = line('name', 255)
  const purpose = line('purpose', 255)
  const email = line('email', 255)
  if (email !== undefined && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) errors.email = ['The email must be a valid email address.']
  let amount = '0'
  try {
    amount = formatAmount(typed(text(form.amount)?.trim().replace(',', '.'), { currency }), currency)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    Object.assign(errors, error.errors)
  }
  return {
    body: {
      amount,
      currency,
      channel: 'link',
      ...(name ? { name } : {}),
      ...(purpose ? { purpose } : {}),
      ...(email ? { email } : {}),
    } as CreatePaymentRequest,
    errors,
  }
}

/** Requests that payers may make of one business's link in a minute, in one process: anyone can, and each is kept. */
const mostInAMinute = 60

/** Says whether one more may be made of a business's link now, and counts it. */
function countLinks(): (businessId: string, at: Date) => boolean {
  let minute = 0
  let made = new Map<string, number>()
  return (businessId, at) => {
    const present = Math.floor(at.getTime() / 60_000)
    if (present !== minute) [minute, made] = [present, new Map()]
    const before = made.get(businessId) ?? 0
    made.set(businessId, before + 1)
    return before < mostInAMinute
  }
}

/** The form as it was typed, to be shown again. */
const typedIn = (form: Record<string, unknown>) =>
  Object.fromEntries(['amount', 'name', 'purpose', 'email'].flatMap((name) => (text(form[name]) === undefined ? [] : [[name, String(form[name])]])))

/** A business's default link (behaviour §2.3): the payer types the amount, and a request is made of it. Works without a script. */
export function defaultLinkRoutes({ fastify }: Pick<Api, 'fastify'>, deps: DefaultLinkDeps): void {
  const path = '/payment-request/@:slug'
  const hidden = { schema: { hide: true } as never }
  const mayMake = countLinks()

  fastify.get(path, hidden, (async (request: LinkRequest, reply: FastifyReply) => {
    const found = await findMerchant(deps, request.params.slug)
    if (!found) return sendNotFound(request, reply)
    return sendCheckout(request, reply, found, { state: defaultLinkState(found.merchant, deps.now()) })
  }) as never)

  fastify.post(path, hidden, (async (request: LinkRequest, reply: FastifyReply) => {
    const found = await findMerchant(deps, request.params.slug)
    if (!found) return sendNotFound(request, reply)
    const form = (request.body ?? {}) as Record<string, unknown>
    const { body, errors } = readForm(form, found)
    const again = (faults: FieldErrors, status = 422) =>
      sendCheckout(request, reply, found, {
        state: defaultLinkState(found.merchant, deps.now()),
        typed: typedIn(form),
        errors: faults,
        status,
      })
    if (Object.keys(errors).length > 0) return again(errors)
    if (!mayMake(found.merchant.business.id, deps.now())) {
      reply.header('retry-after', '60')
      return again({ amount: ['There are too many new payments at the moment; try again in a minute.'] }, 429)
    }
    try {
      const { business } = found.merchant
      const origin = { caller: payer, at: deps.clock.now(business.id), requestId: request.id, baseUrl: deps.baseUrl() }
      const { row } = await deps.createPaymentRequest(undefined, business, { fields: body }, origin)
      const query = request.raw.url?.split('?')[1]
      return reply.redirect(`/payment-request/@${business.slug}/${row.id}/checkout${query ? `?${query}` : ''}`, 303)
    } catch (error) {
      if (error instanceof ApiError && error.status === 422) return again(error.errors ?? { amount: [error.message] })
      throw error
    }
  }) as never)
}
