-- Who holds the lease of a delivery that is being sent: the number of an advisory lock that lives as long as its process.
alter table hawker.webhook_queue add column owner integer;
