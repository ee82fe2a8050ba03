UPDATE lovage_store SET topology = topology + 1 WHERE id = 1
