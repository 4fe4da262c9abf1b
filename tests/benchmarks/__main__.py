"""All benchmarks, one after the other: `python -m tests.benchmarks`."""

from __future__ import annotations

from tests.benchmarks import (
    bench_campaign,
    bench_command_line,
    bench_engine,
    bench_executors,
    bench_front,
    bench_store,
    bench_surrogates,
    bench_views,
)

bench_engine.main()
bench_executors.main()
bench_campaign.main()
bench_front.main()
bench_command_line.main()
bench_store.main()
bench_surrogates.main()
bench_views.main()
