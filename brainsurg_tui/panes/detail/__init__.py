"""The sheet with all that is known of one feature: charts, relatives, examples."""
