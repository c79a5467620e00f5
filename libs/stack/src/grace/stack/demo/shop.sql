-- One purchase, sent as one message and so one transaction: TPC-B after the shop's one honestly slow
-- statement, which reads every account. It comes first, while no row is locked yet.
SELECT sum(abalance) FROM pgbench_accounts WHERE aid % 100 = {bid};
UPDATE pgbench_accounts SET abalance = abalance + {delta} WHERE aid = {aid};
SELECT abalance FROM pgbench_accounts WHERE aid = {aid};
UPDATE pgbench_tellers SET tbalance = tbalance + {delta} WHERE tid = {tid};
UPDATE pgbench_branches SET bbalance = bbalance + {delta} WHERE bid = {bid};
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
VALUES ({tid}, {bid}, {aid}, {delta}, CURRENT_TIMESTAMP);
