"""Kill a campaign again and again, go on each time, and check that nothing is lost and nothing is twice.

    python -m tests.kills --rounds 200 --seed 1             kills of the process that runs the campaign
    python -m tests.kills --rounds 200 --server             kills of the PostgreSQL server under it
    python -m tests.kills --rounds 200 --workers            kills of the workers of executor "processes"
    python -m tests.kills --rounds 200 --lease-workers      kills of lease workers, and now and then of the
                                                            campaign itself; with --postgres on PostgreSQL

A round is one kill -9, half of those of the campaign's process at a named fault point (dse/fault_points.py)
at a random arrival, all others at a random moment. The child commits after every third batch, or after each
where workers are killed, and then writes to a pipe how many trials it knows to be safe. After each round, and
while the child runs,

- the log holds at least what was acknowledged, and is the beginning of the log of an uninterrupted run, bit
  for bit: nothing lost, nothing twice, nothing else;
- the front table gives the front of that log, and the dashboard's reader sees the same;
- SQLite's integrity_check finds nothing;
- now and then, a second process asks to run the same campaign, and is refused.

A killed worker costs no trial: the campaign goes on to its end by itself, with the same log. When a campaign
has come to its end it is compared once more, and the next one starts in a fresh store. Prints one JSON
object; exits with 1 and what is wrong at the first finding.
"""
