import type { ReactElement } from 'react'
import { flushSync } from 'react-dom'
import { hydrateRoot } from 'react-dom/client'

type Typed = HTMLInputElement | HTMLTextAreaElement

const isChoice = (field: Typed): field is HTMLInputElement => field.type === 'radio' || field.type === 'checkbox'
const isFile = (field: Typed): field is HTMLInputElement => field.type === 'file'
const isTyped = (target: EventTarget | null): target is Typed =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && !isChoice(target) && !isFile(target))
const fieldsIn = (place: ParentNode) => [...place.querySelectorAll<Typed>('input, textarea')]

/**
 * Starts a page's script without losing what the payer did before it arrived: each field that was touched gets the event
 * that the page listens to, with the value that it had.
 */
export function hydrateKeepingFields(root: HTMLElement, page: ReactElement): void {
  const touched = fieldsIn(root).flatMap((field) => {
    if (isChoice(field)) return field.checked === field.defaultChecked || (field.type === 'radio' && !field.checked) ? [] : [() => choose(field)]
    if (isFile(field)) return field.files?.length ? [() => field.dispatchEvent(new Event('change', { bubbles: true }))] : []
    const { value } = field
    return value === field.defaultValue ? [] : [() => enter(field, value)]
  })
  followFields()
  hydrateRoot(root, page)
  for (const putBack of touched) putBack()
}

/** Chooses what was chosen as if it were clicked. */
function choose(field: HTMLInputElement): void {
  field.checked = field.defaultChecked
  field.click()
}

/** Enters a text as if it were typed; the caret stays where it is. */
function enter(field: Typed, value: string): void {
  const caret = document.activeElement === field ? field.selectionStart : null
  field.value = value
  // Not every kind of field has a caret that can be set.
  if (caret !== null) field.setSelectionRange(caret, caret)
  field.dispatchEvent(new Event('input', { bubbles: true }))
}

/**
 * The fields are the truth, not the page's copy of them: password managers and browsers set values with a `change` event only,
 * or with none. Whenever a field may differ from what the page has heard, it gets an `input` event, and the page
 * renders before a click or a submission goes on.
 */
function followFields(): void {
  const heard = new WeakMap<EventTarget, string>()
  // All fields before the page renders, so that it renders once.
  const hear = (fields: Typed[]) => {
    const unheard = fields.filter((field) => (heard.get(field) ?? '') !== field.value)
    if (unheard.length > 0) flushSync(() => unheard.forEach((field) => void field.dispatchEvent(new Event('input', { bubbles: true }))))
  }
  document.addEventListener('input', ({ target }) => {
    if (isTyped(target)) heard.set(target, target.value)
  })
  for (const kind of ['change', 'click', 'submit']) document.addEventListener(kind, () => hear(fieldsIn(document).filter(isTyped)), true)
}
