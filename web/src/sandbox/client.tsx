import './sandbox.css'
import { hydrateRoot } from 'react-dom/client'
import { PhonePage } from './PhonePage.tsx'

// The simulator's other pages are forms, and share the style sheet alone.
const page = document.getElementById('page')
if (page && location.pathname.startsWith('/sandbox/phone')) hydrateRoot(page, <PhonePage />)
