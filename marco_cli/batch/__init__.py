"""Many questions: rows in, rows out, in order, and nothing is lost.

`pool` runs many searches at once and hands results on in order, `journal` keeps rows on disk so that any end of the program
can be continued from: both know nothing of rows and serve evaluations too. `lines` and `rows` read the input, `record`
writes the output, `survey` looks through the whole input beforehand, `runner` puts them together.
"""
