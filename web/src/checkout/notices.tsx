import type { ReactNode } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { AlertIcon } from '../ui/icons.tsx'
import { useTexts } from '../ui/texts.tsx'
import type { CheckoutState } from './state.ts'
import type { Refusal } from './use-checkout.ts'
import { failureText } from './view.ts'

/** A message that must be read: `danger` for a failure, `warning` for something that needs attention. */
export function Notice({ tone, title, role, children }: { tone: 'danger' | 'warning'; title: string; role?: 'alert'; children: ReactNode }) {
  return (
    <div className={`notice notice-${tone}`} role={role}>
      <AlertIcon />
      <div>
        <p className="notice-title">{title}</p>
        {children}
      </div>
    </div>
  )
}

/** Why the last payment failed, or was not started. */
export function Failure({ state, refusal, hidden }: { state: CheckoutState; refusal: Refusal | null; hidden: boolean }) {
  const { t } = useTexts()
  const { attempt } = state
  const failed = attempt?.status === 'failed' || attempt?.status === 'canceled'
  // The element always exists, so that screen readers announce what appears in it.
  return (
    <div role="alert" className="failure">
      {!hidden && refusal && (
        <Notice tone="danger" title={t(refusal.text.startsWith('failure.') ? 'failure.title' : 'refused.title')}>
          <p>{t(refusal.text)}</p>
          {refusal.detail && <p>{refusal.detail}</p>}
        </Notice>
      )}
      {!hidden && !refusal && failed && (
        <Notice tone="danger" title={t('failure.title')}>
          <p>{t(failureText(attempt.failure_code ?? (attempt.status === 'canceled' ? 'canceled' : null)) as MessageKey)}</p>
          <p>{t('failure.nothing')}</p>
        </Notice>
      )}
    </div>
  )
}

/** A payment that is not applied, shown plainly until it has been refunded. */
export function Unapplied({ state }: { state: CheckoutState }) {
  const { t, money } = useTexts()
  const kept = state.unapplied.filter(({ returned }) => !returned)
  if (kept.length === 0) return null
  return (
    <Notice tone="warning" title={t('unapplied.title')}>
      {kept.map(({ charge_id, amount, reason }) => (
        <p key={charge_id}>{t(`unapplied.${reason}`, { amount: money(amount) })}</p>
      ))}
      <p>{t('unapplied.next', { business: state.business.name })}</p>
    </Notice>
  )
}
