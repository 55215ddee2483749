-- The language of the page on which the payer paid, for the mails about the payment. Null if it was not paid on a page.
alter table hawker.charges add column payer_language text;
