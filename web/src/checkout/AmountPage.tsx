import { type FormEvent, useState } from 'react'
import { ownValue } from '../shared/own-value.ts'
import { Field } from '../ui/Field.tsx'
import { useTexts } from '../ui/texts.tsx'
import { useAmount } from './AmountField.tsx'
import { BusinessMark } from './Summary.tsx'
import type { CheckoutData } from './state.ts'

/** The form's target: this page again, with the query of its URL. */
function actionOf({ state, embedded, method }: CheckoutData, language: string): string {
  const query = new URLSearchParams({ lang: language })
  if (method) query.set('method', method)
  if (embedded) query.set('embed', '1')
  return `/payment-request/@${encodeURIComponent(state.business.slug)}/?${query}`
}

/** A business's default link: the payer says how much. A plain form, so it works before or without a script. */
export function AmountPage({ data }: { data: CheckoutData }) {
  const { t, language } = useTexts()
  const { state, errors = {}, typed = {} } = data
  const { business, currency, decimals } = state
  const [busy, setBusy] = useState(false)
  const first = (field: string) => ownValue(errors, field)?.[0]
  // The browser goes there by itself when the form comes back.
  const wrong = ['amount', 'purpose', 'name', 'email'].find((field) => ownValue(errors, field))

  const amount = useAmount({
    currency,
    decimals,
    typed: typed['amount'],
    amount: data.amount,
    isRejected: errors['amount'] !== undefined,
    error: first('amount'),
  })

  const submit = (event: FormEvent<HTMLFormElement>) => {
    // The text is sent as it was typed: the server reads it as the page does.
    if (amount.require() === null) {
      event.preventDefault()
      return
    }
    setBusy(true)
    // The browser keeps the form when the payer comes back to it.
    window.addEventListener('pageshow', () => setBusy(false), { once: true })
  }
  return (
    <main className="single">
      <BusinessMark business={business} />
      <form className="panel amount-form" method="post" action={actionOf(data, language)} onSubmit={submit} noValidate>
        <h1>{t('title.pay', { business: business.name })}</h1>
        {amount.field(t('amount.label'), { name: 'amount', autoComplete: 'transaction-amount', autoFocus: wrong === 'amount', required: true })}
        <Field
          id="purpose"
          name="purpose"
          label={t('payer.purpose')}
          optional
          maxLength={190}
          autoFocus={wrong === 'purpose'}
          defaultValue={typed['purpose']}
          error={first('purpose')}
        />
        <Field
          id="name"
          name="name"
          label={t('payer.name')}
          optional
          autoComplete="name"
          maxLength={190}
          autoFocus={wrong === 'name'}
          defaultValue={typed['name']}
          error={first('name')}
        />
        <Field
          id="email"
          name="email"
          type="email"
          label={t('payer.email')}
          hint={t('payer.email_hint')}
          optional
          autoComplete="email"
          autoFocus={wrong === 'email'}
          defaultValue={typed['email']}
          error={errors['email'] && t('payer.email_invalid')}
        />
        <p role="alert" className="form-check">
          {wrong || amount.isWrong ? t('form.check') : ''}
        </p>
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? t('pay.busy') : t('payer.continue')}
        </button>
      </form>
    </main>
  )
}
