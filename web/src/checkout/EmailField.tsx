import { useState } from 'react'
import { Field } from '../ui/Field.tsx'
import { useTexts } from '../ui/texts.tsx'

/** Whether a text can be an email address; the server validates it properly. */
export function looksLikeEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]{2,}$/.test(text.trim())
}

/** An address for the receipt, requested if the payment request has none. */
export function useEmail(asked: boolean) {
  const { t } = useTexts()
  const [email, setEmail] = useState('')
  const [fault, setFault] = useState(false)
  const wrong = () => asked && email.trim() !== '' && !looksLikeEmail(email)
  return {
    body: asked && email.trim() !== '' ? { email: email.trim() } : {},
    /** Marks and focuses the field if it is invalid. */
    check(): boolean {
      setFault(wrong())
      return !wrong()
    },
    field: asked && (
      <Field
        id="email"
        type="email"
        inputMode="email"
        autoComplete="email"
        label={t('payer.email')}
        hint={t('payer.email_hint')}
        optional
        value={email}
        onChange={(event) => {
          setEmail(event.target.value)
          setFault(false)
        }}
        onBlur={() => setFault(wrong())}
        error={fault ? t('payer.email_invalid') : null}
      />
    ),
  }
}
