-- Writes a delivery for everybody who wants to be told of one of the news (?1, a
-- JSON list of type, at, until and approval) of a run (?2) of a tenant (?3): the tenant's hooks and,
-- for the types in ?4, the run's callback. They are told of the run as it is in the snapshot (?5).
INSERT INTO deliveries (id, hook, tenant, run, type, at, until, snapshot, approval, status, next_at)
SELECT
    'dlv_' || lower(hex(randomblob(6))), hook, ?3, ?2, news.value ->> 'type', news.value ->> 'at', news.value ->> 'until', ?5,
    coalesce(news.value ->> 'approval', (SELECT id FROM approvals WHERE run = ?2 AND approvals.status = 'pending' ORDER BY created_at, id LIMIT 1), ''),
    'pending',
    CASE -- due, unless another comes first
        WHEN row_number() OVER (PARTITION BY hook ORDER BY news.key) = 1
            AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.hook = who.hook AND d.run = ?2 AND d.status = 'pending')
        THEN news.value ->> 'at'
    END
FROM json_each(?1) AS news
JOIN (
    SELECT id AS hook, events FROM hooks WHERE tenant = ?3 AND disabled = ''
    UNION ALL
    SELECT '', ?4
) AS who ON EXISTS (SELECT 1 FROM json_each(who.events) AS wish WHERE wish.value IN (news.value ->> 'type', '*'))
ORDER BY news.key
