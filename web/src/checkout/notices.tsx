import { type ReactNode, type RefObject, useEffect, useRef } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { brandName } from '../shared/card-brands.ts'
import { AlertIcon } from '../ui/icons.tsx'
import { useTexts } from '../ui/texts.tsx'
import { nameOf } from './method-name.ts'
import type { Checkout } from './use-checkout.ts'

/** A message that must be read: `danger` for a failure, `warning` for something that needs attention. */
export function Notice({ tone, title, children }: { tone: 'danger' | 'warning'; title: string; children: ReactNode }) {
  return (
    <div className={`notice notice-${tone}`}>
      <AlertIcon />
      <div>
        <p className="notice-title">{title}</p>
        {children}
      </div>
    </div>
  )
}

/** The field that the payer is writing in; a message from elsewhere does not take the keyboard from it. */
function isWriting(): boolean {
  const field = document.activeElement
  return field instanceof HTMLInputElement && field.type !== 'radio' && field.value !== ''
}

/**
 * Brings a message into view when it appears, and gives it the focus, or gives the focus to the field that it is about: then
 * both are in view. `id` is null while there is no message, and differs for each one.
 */
export function useShown(
  id: unknown,
  place: RefObject<HTMLElement | null>,
  { field, isOwn = true }: { field?: () => HTMLElement | null; isOwn?: boolean } = {},
): void {
  useEffect(() => {
    const message = place.current
    if (!id || !message || (!isOwn && isWriting())) return
    const target = field?.() ?? message
    target.focus({ preventScroll: true })
    const top = message.getBoundingClientRect().top
    const { bottom } = (target.closest('.field') ?? target).getBoundingClientRect()
    if (top < 0 || bottom > innerHeight) message.scrollIntoView({ block: 'start' })
  }, [id])
}

/** Why the last payment failed, or was not started; shown above the form that it concerns. */
export function Failure({ checkout, field }: { checkout: Checkout; field?: () => HTMLElement | null }) {
  const { t } = useTexts()
  const { failing, isOwn, state } = checkout
  const place = useRef<HTMLDivElement>(null)
  useShown(failing?.id, place, { ...(field ? { field } : {}), isOwn })
  // The element always exists, so that screen readers announce what appears in it.
  return (
    <div role="alert" className="failure" ref={place} tabIndex={-1}>
      {failing && (
        <Notice tone="danger" title={t(failing.title)}>
          <p>{t(failing.text, { method: nameOf(state, failing.method ?? '', t) })}</p>
          {failing.detail && <p>{failing.detail}</p>}
          {failing.tried && <p>{t('failure.nothing')}</p>}
          {failing.card && <p>{t('card.last_tried', { card: t('card.ending', { brand: brandName(failing.card.brand), last4: failing.card.last4 }) })}</p>}
        </Notice>
      )}
    </div>
  )
}

export const besideId = 'beside-button'

/** The same beside the button that caused it, in one sentence; it is part of the button's description and not announced again. */
export function Beside({ checkout, text = null }: { checkout: Checkout; text?: string | null }) {
  const { t } = useTexts()
  const { failing, state } = checkout
  return (
    <>
      <p role="alert" className="form-check">
        {text ?? ''}
      </p>
      <p className="form-check" id={besideId}>
        {text === null && failing ? t(failing.text, { method: nameOf(state, failing.method ?? '', t) }) : ''}
      </p>
    </>
  )
}

/** What is said of each payment that is not applied; `open` until it has been refunded. */
export function useUnappliedTexts({ state }: Checkout): { id: string; text: string; open: boolean }[] {
  const { t, money } = useTexts()
  return state.unapplied.map(({ charge_id: id, amount, reason, returned = false }) => ({
    id,
    text: t(returned ? 'unapplied.returned' : (`unapplied.${reason}` as MessageKey), { amount: money(amount) }),
    open: !returned,
  }))
}

/** Payments that are not applied, shown plainly, and what became of them. */
export function Unapplied({ checkout, takesFocus = false }: { checkout: Checkout; takesFocus?: boolean }) {
  const { t } = useTexts()
  const texts = useUnappliedTexts(checkout)
  const isOpen = texts.some(({ open }) => open)
  const place = useRef<HTMLDivElement>(null)
  useShown(takesFocus && texts.map(({ id }) => id).join(' '), place, { isOwn: false })
  return (
    <div role="alert" className="failure" ref={place} tabIndex={-1}>
      {texts.length > 0 && (
        <Notice tone="warning" title={t(isOpen ? 'unapplied.title' : 'unapplied.returned_title')}>
          {texts.map(({ id, text }) => (
            <p key={id}>{text}</p>
          ))}
          {isOpen && <p>{t('unapplied.next', { business: checkout.state.business.name })}</p>}
        </Notice>
      )}
    </div>
  )
}
