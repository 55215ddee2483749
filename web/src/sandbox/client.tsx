import './sandbox.css'
import './phone.css'
import { hydrateRoot } from 'react-dom/client'
import { PhonePage } from './PhonePage.tsx'

hydrateRoot(document.getElementById('page') as HTMLElement, <PhonePage />)
