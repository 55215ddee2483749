import { ownValue } from '@hawker/web/own-value'
import { readTypedAmount } from '@hawker/web/typed-amount'
import { type Static, Type } from 'typebox'
import { enabledMethods } from '#engine/rails/enabled-methods.ts'
import type { Api } from '#foundation/http/api.ts'
import { ApiError, type FieldErrors } from '#foundation/shared/errors.ts'
import { exponentOf } from '#foundation/shared/money.ts'
import { seeOther } from '#pages/page.ts'
import type { createPaymentRequest } from '#resources/payments/payment-requests/create-payment-request.ts'
import type { CreatePaymentRequest } from '#resources/payments/payment-requests/wire.ts'
import { payableMethods } from '#resources/payments/rails/payable-methods.ts'
import { defaultLinkState } from './checkout-state.ts'
import { type CheckoutDeps, checkoutAnswer, type Found, findMerchant, notSetUpAnswer, pageOfBusiness, payerLanguage } from './routes.ts'

export interface DefaultLinkDeps extends CheckoutDeps {
  createPaymentRequest: ReturnType<typeof createPaymentRequest>
}

/** What the payer types into the form. */
const formFields = ['amount', 'name', 'purpose', 'email']

/** The form as it comes; what is no text was not typed. `exact_amount` is the choice between two readings of the amount, in plain digits. */
const LinkForm = Type.Object(Object.fromEntries([...formFields, 'exact_amount'].map((name) => [name, Type.Optional(Type.Unknown())])))
type LinkForm = Static<typeof LinkForm>

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** The amount of the form in major units, as the page understood it; undefined if there is none, or more than one. */
function readAmount(form: LinkForm, currency: string, language: string): string | undefined {
  const read = readTypedAmount(text(form.exact_amount) ?? text(form.amount) ?? '', { currency, decimals: exponentOf(currency) }, language)
  return 'amount' in read ? read.amount : undefined
}

/** The content of the page's form, with its errors by field. */
function readForm(form: LinkForm, { merchant }: Found, language: string): { body: CreatePaymentRequest; errors: FieldErrors } {
  const { currency } = merchant.business
  const errors: FieldErrors = {}
  const line = (name: string, most: number) => {
    const value = text(ownValue(form, name))?.trim()
    if (value === undefined || value.length <= most) return value || undefined
    errors[name] = [`The ${name} must not be greater than ${most} characters.`]
    return undefined
  }
  const name = line('name', 255)
  const purpose = line('purpose', 255)
  const email = line('email', 255)
  if (email !== undefined && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) errors.email = ['The email must be a valid email address.']
  const amount = readAmount(form, currency, language) ?? ''
  if (amount === '') errors.amount = ['The amount must be a number that can be read in one way only.']
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

/** Requests per minute that payers may create through one business's link, in one process: anyone can, and each is stored. */
const mostInAMinute = 60

/** Whether one more request may be created through a business's link now; counts it. */
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
const typedIn = (form: LinkForm) =>
  Object.fromEntries(
    formFields.flatMap((name) => {
      const value = text(ownValue(form, name))
      return value === undefined ? [] : [[name, value]]
    }),
  )

/** Whether a business has any method in its currency that can be paid: a live one may have set up nothing. */
async function canBePaid({ rails }: DefaultLinkDeps, { merchant: { business } }: Found): Promise<boolean> {
  const payable = await payableMethods(rails, business)
  return payable === null || enabledMethods(business, business.currency).some((code) => payable.has(code))
}

/** A business's default link (behaviour §2.3): the payer enters the amount, and a request is created. Works without a script. */
export function defaultLinkRoutes(api: Api, deps: DefaultLinkDeps): void {
  const path = '/payment-request/@:slug'
  const mayMake = countLinks()

  api.page(path, pageOfBusiness(deps), async (call) => {
    const found = await findMerchant(deps, call.params.slug)
    if (found && !(await canBePaid(deps, found))) return notSetUpAnswer(call, found, 200)
    return found && checkoutAnswer(call, found, { state: defaultLinkState(found.merchant, call.origin(found.merchant.business.id).at) })
  })

  api.page(path, { ...pageOfBusiness(deps), method: 'POST', body: LinkForm }, async (call) => {
    const found = await findMerchant(deps, call.params.slug)
    if (!found) return undefined
    if (!(await canBePaid(deps, found))) return notSetUpAnswer(call, found, 422)
    const { business } = found.merchant
    const origin = call.origin(business.id)
    const form = call.body
    const { body, errors } = readForm(form, found, await payerLanguage(call, found))
    const again = (faults: FieldErrors, status = 422) =>
      checkoutAnswer(call, found, { state: defaultLinkState(found.merchant, origin.at), typed: typedIn(form), errors: faults, status })
    if (Object.keys(errors).length > 0) return again(errors)
    if (!mayMake(business.id, deps.clock.system())) {
      const answer = await again({ amount: ['There are too many new payments at the moment; try again in a minute.'] }, 429)
      return { ...answer, headers: { ...answer.headers, 'retry-after': '60' } }
    }
    try {
      const { row } = await deps.createPaymentRequest(undefined, business, { fields: body }, origin)
      return seeOther(`/payment-request/@${business.slug}/${row.id}/checkout${call.rawQuery ? `?${call.rawQuery}` : ''}`)
    } catch (error) {
      if (error instanceof ApiError && error.status === 422) return again(error.errors ?? { amount: [error.message] })
      throw error
    }
  })
}
