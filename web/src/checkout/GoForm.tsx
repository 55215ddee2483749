import { type FormEvent, useRef, useState } from 'react'
import { useTexts } from '../ui/texts.tsx'
import { useEmail } from './EmailField.tsx'
import { nameOf } from './method-name.ts'
import { Beside, besideId, Failure } from './notices.tsx'
import type { PanelProps } from './panel.ts'

/** A payment that is approved elsewhere: at a wallet, at a bank. */
export function GoForm({ checkout, method, requireAmount }: PanelProps) {
  const { t } = useTexts()
  const { state, busy, start } = checkout
  const email = useEmail(state.request?.email === null)
  const form = useRef<HTMLFormElement>(null)
  const [checked, setChecked] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const amount = requireAmount()
    const emailIsFine = email.check()
    setChecked(!amount || !emailIsFine)
    if (busy || !amount) return
    if (!emailIsFine) form.current?.querySelector<HTMLElement>('input')?.focus()
    else void start({ method: method.code, ...amount, ...email.body })
  }
  return (
    <form method="dialog" ref={form} onSubmit={submit} noValidate>
      <Failure checkout={checkout} />
      {email.field}
      <Beside checkout={checkout} text={checked ? t('form.check') : null} />
      <button type="submit" className="button button-primary" aria-disabled={busy} aria-describedby={besideId}>
        {busy && <span className="spinner" />}
        {busy ? t('pay.busy') : t('pay.continue', { method: nameOf(state, method.code, t) })}
      </button>
      <p className="muted small center">{t(method.kind === 'bank' ? 'pay.bank_hint' : 'pay.redirect_hint', { method: method.name })}</p>
    </form>
  )
}
