SELECT coalesce(max(seq), 0) AS seq FROM lovage_result_change
