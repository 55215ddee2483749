import type { InputHTMLAttributes, ReactNode, Ref } from 'react'
import { AlertIcon } from './icons.tsx'
import { useTexts } from './texts.tsx'

export interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  id: string
  label: string
  hint?: string | undefined
  /** The error; the field is then marked as invalid. */
  error?: string | null | undefined
  /** What looks wrong but may be right. */
  warning?: string | null | undefined
  optional?: boolean
  /** Shown at the end of the field, such as a card's brand. */
  badge?: ReactNode
  /** Shown at its start, such as a currency. */
  prefix?: string
  inputRef?: Ref<HTMLInputElement>
}

/** A labelled text field; its hint and its error are read out with it. */
export function Field({ id, label, hint, error, warning, optional = false, badge, prefix, inputRef, className, ...input }: FieldProps) {
  const { t } = useTexts()
  const described = [error || warning ? `${id}-error` : '', hint ? `${id}-hint` : ''].filter(Boolean).join(' ')
  return (
    <div className={`field ${className ?? ''}`}>
      <label htmlFor={id}>
        {label} {optional && <span className="field-optional">({t('page.optional')})</span>}
      </label>
      <div className="field-box">
        {prefix && (
          <span className="field-prefix" aria-hidden="true">
            {prefix}
          </span>
        )}
        <input {...input} id={id} ref={inputRef ?? null} aria-invalid={error ? true : undefined} aria-describedby={described || undefined} />
        {badge && <span className="field-badge">{badge}</span>}
      </div>
      {(error || warning) && (
        <p className={error ? 'field-error' : 'field-warning'} id={`${id}-error`}>
          <AlertIcon />
          <span>{error || warning}</span>
        </p>
      )}
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
