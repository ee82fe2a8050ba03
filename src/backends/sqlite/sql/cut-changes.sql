DELETE FROM lovage_result_change WHERE seq <= (SELECT max(seq) FROM lovage_result_change) - ?1
