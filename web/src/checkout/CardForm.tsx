import { type ChangeEvent, type FormEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { Refused } from '../shared/request.ts'
import { Field } from '../ui/Field.tsx'
import { LockIcon } from '../ui/icons.tsx'
import { useTexts } from '../ui/texts.tsx'
import { BrandMark } from './BrandMark.tsx'
import { afterFailure, brandOf, type CardFaults, type CardFields, cardFaults, cvcLength, digitsOf, editNumber, formatExpiry, looksMistyped } from './card.ts'
import { useEmail } from './EmailField.tsx'
import { Beside, besideId, Failure } from './notices.tsx'
import type { PanelProps } from './panel.ts'
import { tokenise } from './requests.ts'
import type { CheckoutMethod } from './state.ts'
import { TestCards } from './TestCards.tsx'
import { failureText } from './view.ts'

const empty: CardFields = { number: '', expiry: '', cvc: '' }
const sound: CardFaults = { number: null, expiry: null, cvc: null }
const fieldIds = { number: 'card-number', expiry: 'card-expiry', cvc: 'card-cvc' } as const

/** The card is in these fields only, until it is paid with or declined; what stays after a failure is decided by `afterFailure`. */
export function CardForm({ checkout, method, total, requireAmount, tokeniser }: PanelProps & { tokeniser: NonNullable<CheckoutMethod['tokeniser']> }) {
  const { t, money } = useTexts()
  const { state, busy: starting, start, refuse, failing } = checkout
  const [fields, setFields] = useState(empty)
  const [name, setName] = useState('')
  const [faults, setFaults] = useState(sound)
  const [checked, setChecked] = useState(false)
  const [last4, setLast4] = useState<string | null>(null)
  const [tokenising, setTokenising] = useState(false)
  const email = useEmail(state.request?.email === null)
  const form = useRef<HTMLFormElement>(null)
  // Clicks may come faster than the page renders.
  const sending = useRef(false)
  const busy = starting || tokenising

  const faultsNow = () => cardFaults(fields, today())
  const set = (change: Partial<CardFields>) => {
    setFields((before) => ({ ...before, ...change }))
    setFaults((before) => ({ ...before, ...Object.fromEntries(Object.keys(change).map((field) => [field, null])) }))
    setChecked(false)
  }
  // Leaving an empty field is no error yet; submitting it is.
  const leave = (field: keyof CardFields) => () => setFaults((before) => ({ ...before, [field]: fields[field] ? faultsNow()[field] : null }))

  const after = failing ? afterFailure(failing.text, fields) : null
  useLayoutEffect(() => {
    if (!after) return
    setFields(after.fields)
    setFaults(after.fault ? { ...sound, [after.fault.field]: after.fault.text } : sound)
  }, [failing?.id])
  // A page that is left with a card may come back from the browser's cache.
  useEffect(() => {
    const leave = () => setFields(empty)
    window.addEventListener('pagehide', leave)
    return () => window.removeEventListener('pagehide', leave)
  }, [])
  // The field at fault, or the one for another card. The form has changed by then.
  const field = useRef<keyof CardFields | null>(null)
  if (after) field.current = after.focus
  const focusField = () => (field.current ? (form.current?.querySelector<HTMLElement>(`#${fieldIds[field.current]}`) ?? null) : null)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (busy || sending.current) return
    const amount = requireAmount()
    if (!amount) return setChecked(true)
    const found = faultsNow()
    setFaults(found)
    const wrong = (['number', 'expiry', 'cvc'] as const).find((field) => found[field])
    const emailIsFine = email.check()
    setChecked(Boolean(wrong) || !emailIsFine)
    if (wrong || !emailIsFine) {
      form.current?.querySelector<HTMLElement>(`#${wrong ? fieldIds[wrong] : 'email'}`)?.focus()
      return
    }
    sending.current = true
    setTokenising(true)
    refuse(null)
    try {
      const token = await tokenise(tokeniser, fields, name.trim())
      setLast4(digitsOf(fields.number).slice(-4))
      setFields((sent) => ({ ...sent, cvc: '' }))
      await start({ method: method.code, token, ...amount, ...(name.trim() ? { name: name.trim() } : {}), ...email.body })
    } catch (error) {
      // Creating a token charges nothing, so a lost response does no harm here.
      const code = error instanceof Refused ? error.code : null
      refuse({ code, text: code ? (failureText(code) as MessageKey) : 'failure.tokeniser', detail: null })
    }
    sending.current = false
    setTokenising(false)
    setLast4(null)
  }

  return (
    <form method="dialog" ref={form} onSubmit={(event) => void submit(event)} noValidate className="card-form">
      <Failure checkout={checkout} field={focusField} />
      <NumberField
        value={fields.number}
        fault={faults.number}
        last4={last4 ?? failing?.card?.last4 ?? null}
        busy={busy}
        onEdit={(number) => set({ number })}
        onLeave={leave('number')}
      />
      <div className="pair">
        <Field
          id={fieldIds.expiry}
          label={t('card.expiry')}
          placeholder={t('card.expiry_format')}
          inputMode="numeric"
          autoComplete="cc-exp"
          required
          maxLength={9}
          value={fields.expiry}
          readOnly={busy}
          onChange={(event) => set({ expiry: formatExpiry(event.target.value, fields.expiry) })}
          onBlur={leave('expiry')}
          error={faults.expiry && t(faults.expiry, { example: '08 / 30' })}
        />
        <Field
          id={fieldIds.cvc}
          label={t('card.cvc')}
          placeholder={cvcLength(fields.number) === 4 ? '1234' : '123'}
          hint={t(cvcLength(fields.number) === 4 ? 'card.cvc_front' : 'card.cvc_back')}
          inputMode="numeric"
          autoComplete="cc-csc"
          required
          value={fields.cvc}
          readOnly={busy}
          onChange={(event) => set({ cvc: digitsOf(event.target.value, brandOf(fields.number) ? cvcLength(fields.number) : 4) })}
          onBlur={leave('cvc')}
          error={faults.cvc && t(faults.cvc, { digits: String(cvcLength(fields.number)) })}
        />
      </div>
      <Field
        id="card-name"
        label={t('card.name')}
        optional
        autoComplete="cc-name"
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {email.field}
      {state.business.sandbox && <TestCards onChoose={(card) => set(card)} />}
      <Beside checkout={checkout} text={checked ? t('form.check') : null} />
      <button type="submit" className="button button-primary" aria-disabled={busy} aria-describedby={besideId}>
        {busy ? <span className="spinner" /> : <LockIcon />}
        {busy ? t('pay.busy') : total === null ? t('payer.continue') : t('pay.button', { amount: money(total) })}
      </button>
      <p className="muted small center">{t('card.private', { business: state.business.name })}</p>
    </form>
  )
}

interface NumberProps {
  value: string
  fault: MessageKey | null
  last4: string | null
  busy: boolean
  onEdit(number: string): void
  onLeave(): void
}

function NumberField({ value, fault, last4, busy, onEdit, onLeave }: NumberProps) {
  const { t } = useTexts()
  const [left, setLeft] = useState(false)
  const edit = (event: ChangeEvent<HTMLInputElement>) => {
    const input = event.target
    const edited = editNumber(value, input.value, input.selectionStart ?? input.value.length)
    // Set immediately, so that the caret stays where the payer is typing.
    input.value = edited.number
    if (document.activeElement === input) input.setSelectionRange(edited.caret, edited.caret)
    setLeft(false)
    onEdit(edited.number)
  }
  return (
    <Field
      id={fieldIds.number}
      label={t('card.number')}
      placeholder={last4 ? `•••• •••• •••• ${last4}` : '1234 1234 1234 1234'}
      inputMode="numeric"
      autoComplete="cc-number"
      required
      value={value}
      readOnly={busy}
      onChange={edit}
      onBlur={() => {
        setLeft(true)
        onLeave()
      }}
      error={fault && t(fault)}
      warning={left && looksMistyped(value) ? t('card.number_check') : null}
      badge={<BrandMark brand={brandOf(value)} />}
    />
  )
}

function today(): { month: number; year: number } {
  const now = new Date()
  return { month: now.getMonth() + 1, year: now.getFullYear() }
}
