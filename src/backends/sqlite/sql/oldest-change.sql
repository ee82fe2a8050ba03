SELECT min(seq) AS seq FROM lovage_result_change
