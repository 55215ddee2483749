import { type FormEvent, useState } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { decimalMark, parseTyped, typedFrom } from '../shared/money.ts'
import { Field } from '../ui/Field.tsx'
import { useTexts } from '../ui/texts.tsx'
import { BusinessMark } from './Summary.tsx'
import type { CheckoutData } from './state.ts'

/** An example amount that shows how to enter one. */
export function exampleAmount(decimals: number, language: string): string {
  return decimals > 0 ? `10${decimalMark(language)}${'0'.repeat(decimals - 1)}${decimals > 0 ? '5' : ''}` : '10000'
}

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
  const [amount, setAmount] = useState(typed['amount'] ?? (data.amount ? typedFrom(data.amount, language) : ''))
  const [fault, setFault] = useState<MessageKey | null>(null)
  const [busy, setBusy] = useState(false)
  const first = (field: string) => errors[field]?.[0]
  // The browser goes there by itself when the form comes back.
  const wrong = ['amount', 'purpose', 'name', 'email'].find((field) => errors[field])

  const submit = (event: FormEvent<HTMLFormElement>) => {
    const read = parseTyped(amount, decimals, language)
    const field = event.currentTarget.elements.namedItem('amount') as HTMLInputElement
    if ('fault' in read) {
      event.preventDefault()
      setFault(read.fault)
      field.focus()
      return
    }
    field.value = read.amount
    setBusy(true)
    // The browser keeps the form when the payer comes back to it.
    window.addEventListener('pageshow', () => setBusy(false), { once: true })
  }
  return (
    <main className="single">
      <BusinessMark business={business} />
      <form className="panel amount-form" method="post" action={actionOf(data, language)} onSubmit={submit} noValidate>
        <h1>{t('title.pay', { business: business.name })}</h1>
        <Field
          id="amount"
          name="amount"
          className="field-amount"
          label={t('amount.label')}
          prefix={currency.toUpperCase()}
          inputMode={decimals > 0 ? 'decimal' : 'numeric'}
          autoComplete="transaction-amount"
          autoFocus={wrong === 'amount'}
          required
          value={amount}
          onChange={(event) => {
            setAmount(event.target.value)
            setFault(null)
          }}
          error={fault ? t(fault, { example: exampleAmount(decimals, language) }) : first('amount')}
        />
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
          error={first('email')}
        />
        <p role="alert" className="form-check">
          {wrong || fault ? t('form.check') : ''}
        </p>
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? t('pay.busy') : t('payer.continue')}
        </button>
      </form>
    </main>
  )
}
