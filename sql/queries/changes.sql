-- name: name_changer
-- Tells the audit who makes the changes of this transaction, and why.
SELECT set_config('hedgerow.person', %(person)s::text, true), set_config('hedgerow.note', %(note)s::text, true),
       set_config('hedgerow.principal', %(principal_id)s::text, true);
